"""Erasing a tenant whose grace period is over, also where the application's role may only append.

Revision ID: 0008
Revises: 0002
"""

from alembic import op

from steward_tenants.database.policies import DIRECTORY_ROLE

revision = "0008"
down_revision = "0002"
branch_labels = None
depends_on = None

# Two proofs are asked for: the directory says that the tenant's time is over, and the caller presents the signed
# tenant, without which the forced policies show the owner no row either.
PURGE_TENANT = """
create function steward.purge_tenant(tenant uuid, of_table text, at_most integer) returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  left_to_erase bigint := greatest(at_most, 1);
  erased bigint := 0;
  gone bigint;
  leaf regclass;
begin
  perform from directory.tenant t
    where t.id = tenant and t.status = 'deleting' and t.delete_after < pg_catalog.now()
    for share;
  if not found then
    raise exception 'the tenant is not due for deletion' using errcode = 'object_not_in_prerequisite_state';
  end if;
  if steward.tenant() is distinct from tenant then
    raise exception 'the signed tenant is missing' using errcode = 'insufficient_privilege';
  end if;
  if of_table = 'audit_anchor' then
    delete from directory.audit_anchor a where a.tenant_id = tenant;
    get diagnostics erased = row_count;
    return erased;
  end if;
  for leaf in
    select part.relid
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
      cross join lateral (
        select c.oid::regclass as relid where c.relkind = 'r'
        union all
        select p.relid from pg_catalog.pg_partition_tree(c.oid::regclass) p where c.relkind = 'p' and p.isleaf
      ) part
     where n.nspname = 'app' and c.relname = of_table and not c.relispartition
  loop
    execute pg_catalog.format(
      'delete from %1$s where tenant_id = $1 and ctid = any(array('
      'select ctid from %1$s where tenant_id = $1 limit $2))', leaf)
      using tenant, left_to_erase;
    get diagnostics gone = row_count;
    erased := erased + gone;
    left_to_erase := left_to_erase - gone;
    exit when left_to_erase <= 0;
  end loop;
  return erased;
end
$$
"""

SIGNATURE = "steward.purge_tenant(uuid, text, integer)"


def upgrade() -> None:
    op.execute(PURGE_TENANT)
    op.execute(f"revoke all on function {SIGNATURE} from public")
    op.execute(f"grant execute on function {SIGNATURE} to {DIRECTORY_ROLE}")


def downgrade() -> None:
    op.execute(f"drop function {SIGNATURE}")
