"""The verifier of the signed tenant, and the maker of audit partitions.

Revision ID: 0001
Revises:
"""

from alembic import op

from steward_tenants.database.policies import (
    APPLICATION_ROLE,
    DIRECTORY_ROLE,
    OWNER_ROLE,
    VERIFIER_ROLE,
    policy_form,
    tenant_condition,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_KEY = """
create table steward.tenant_key (
  key_id text primary key,
  inner_pad bytea not null check (length(inner_pad) = 64),
  outer_pad bytea not null check (length(outer_pad) = 64),
  added_at timestamptz not null default now()
)
"""

# The token is read as `key.tenant.expiry.mac`; anything that is not exactly that, or does not verify against the
# transaction's start, is no tenant. No branch may raise: an error would tell a prober more than an empty result.
TENANT = r"""
create function steward.tenant() returns uuid
language plpgsql stable security definer parallel safe
set search_path = ''
as $$
declare
  token constant text := pg_catalog.current_setting('steward.tenant', true);
  part text[];
  started constant bigint := pg_catalog.floor(extract(epoch from pg_catalog.transaction_timestamp()))::bigint;
  pads record;
begin
  if token is null
     or token !~ '^[a-z0-9]{1,16}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[0-9]{1,12}\.[0-9a-f]{64}$'
  then
    return null;
  end if;
  part := pg_catalog.string_to_array(token, '.');
  if part[3]::bigint not between started and started + 60 then
    return null;
  end if;
  select inner_pad, outer_pad into pads from steward.tenant_key where key_id = part[1];
  if not found then
    return null;
  end if;
  if pg_catalog.encode(pg_catalog.sha256(pads.outer_pad || pg_catalog.sha256(pads.inner_pad ||
       pg_catalog.convert_to(part[1] || '.' || part[2] || '.' || part[3], 'UTF8'))), 'hex') <> part[4]
  then
    return null;
  end if;
  return part[2]::uuid;
end
$$
"""

# A partition is reached through its parent only: nobody has rights on it, and it carries the policy all the same.
EXTEND_AUDIT = """
create function steward.extend_audit_partitions(first_day date, months integer) returns integer
language plpgsql volatile security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  month date := pg_catalog.date_trunc('month', first_day)::date;
  name text;
  made integer := 0;
begin
  if first_day not between (pg_catalog.now() - interval '30 years')::date and (pg_catalog.now() + interval '3 years')::date
  then
    raise exception 'no partitions for that time' using errcode = '22008';
  end if;
  for i in 1 .. least(months, 120) loop
    name := 'audit_event_' || pg_catalog.to_char(month, 'YYYYMM');
    if pg_catalog.to_regclass('app.' || name) is null then
      execute pg_catalog.format('create table app.%I partition of app.audit_event for values from (%L) to (%L)',
        name, month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC');
      execute pg_catalog.format('alter table app.%I enable row level security', name);
      execute pg_catalog.format('alter table app.%I force row level security', name);
      execute pg_catalog.format('create policy tenant on app.%I using (CONDITION) with check (CONDITION)', name);
      made := made + 1;
    end if;
    month := (month + interval '1 month')::date;
  end loop;
  return made;
end
$$
"""

# Keeps at least 200 days whatever it is asked for; says up to which day events are gone.
DROP_AUDIT = """
create function steward.drop_audit_partitions(keep_days integer) returns date
language plpgsql volatile security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  oldest constant date := pg_catalog.date_trunc('month',
    pg_catalog.now() - pg_catalog.make_interval(days => greatest(keep_days, 200)))::date;
  name text;
begin
  for name in
    select c.relname from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'app.audit_event'::regclass
       and c.relname ~ '^audit_event_[0-9]{6}$'
       and pg_catalog.to_date(pg_catalog.right(c.relname, 6), 'YYYYMM') < oldest
  loop
    execute pg_catalog.format('drop table app.%I', name);
  end loop;
  return oldest;
end
$$
"""


def upgrade() -> None:
    op.execute(f"set local role {VERIFIER_ROLE}")
    op.execute(TENANT_KEY)
    op.execute("revoke all on steward.tenant_key from public")
    op.execute(TENANT)
    op.execute("revoke all on function steward.tenant() from public")
    op.execute(f"grant execute on function steward.tenant() to {APPLICATION_ROLE}, {OWNER_ROLE}")
    op.execute(f"set local role {OWNER_ROLE}")
    op.execute(EXTEND_AUDIT.replace("CONDITION", tenant_condition(policy_form())))
    op.execute(DROP_AUDIT)
    for signature in ("extend_audit_partitions(date, integer)", "drop_audit_partitions(integer)"):
        op.execute(f"revoke all on function steward.{signature} from public")
        op.execute(f"grant execute on function steward.{signature} to {DIRECTORY_ROLE}")


def downgrade() -> None:
    op.execute("drop function steward.drop_audit_partitions(integer)")
    op.execute("drop function steward.extend_audit_partitions(date, integer)")
    op.execute(f"set local role {VERIFIER_ROLE}")
    op.execute("drop function steward.tenant()")
    op.execute("drop table steward.tenant_key")
    op.execute(f"set local role {OWNER_ROLE}")
