"""A final score of a month stays as it is, also for code that forgets to ask.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from alembic import op

from steward_tenants.database.policies import APPLICATION_ROLE

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# What a later revision needs is the one change let through: a final score that is revised counts no more. Erasing a
# tenant runs as the tables' owner and is not held up.
KEEP_FINAL_SCORE = """
create function steward.keep_final_score() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  allowed app.month_score := old;
begin
  if tg_op = 'UPDATE' then
    allowed.current := false;
    if new is not distinct from old or new is not distinct from allowed then
      return new;
    end if;
  end if;
  raise exception 'a final score never changes'
    using errcode = 'restrict_violation', schema = 'app', table = 'month_score', constraint = 'final_score_stays';
end
$$
"""
TRIGGER = f"""
create trigger final_score_stays before update or delete on app.month_score
for each row when (old.status = 'final' and current_user = '{APPLICATION_ROLE}')
execute function steward.keep_final_score()
"""


def upgrade() -> None:
    op.execute(KEEP_FINAL_SCORE)
    op.execute("revoke all on function steward.keep_final_score() from public")
    op.execute(TRIGGER)
    # A score's figures go with their score and never alone: its foreign key deletes them as the tables' owner.
    op.execute(f"revoke update, delete on app.month_indicator from {APPLICATION_ROLE}")


def downgrade() -> None:
    op.execute(f"grant update, delete on app.month_indicator to {APPLICATION_ROLE}")
    op.execute("drop trigger final_score_stays on app.month_score")
    op.execute("drop function steward.keep_final_score()")
