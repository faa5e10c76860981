"""Monthly service plans: policies, generation, the plan and its actions."""
