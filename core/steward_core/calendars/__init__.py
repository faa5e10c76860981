"""Working days: China's public holidays with their swapped weekends (调休), and each tenant's own days."""
