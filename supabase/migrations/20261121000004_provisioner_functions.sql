-- What the private worker does. For the service role alone. Locks are taken in one order: instance, then operation.

-- The operation, locked, if the caller's epoch is still the current one; raises lease_lost otherwise.
create function private.hold(p_operation text, p_epoch integer) returns public.operations
language plpgsql set search_path = '' as $$
declare
  v_row public.operations;
begin
  perform from public.instances
    where id = (select instance_id from public.operations where id = p_operation) for update;
  select * into v_row from public.operations where id = p_operation for update;
  if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'operation')); end if;
  if v_row.state <> 'running' or v_row.lease_epoch <> p_epoch then
    perform private.refuse(409, 'lease_lost', jsonb_build_object('epoch', v_row.lease_epoch, 'state', v_row.state));
  end if;
  return v_row;
end $$;

create function private.after(p_ms integer) returns timestamptz
language sql volatile set search_path = '' as $$
  select clock_timestamp() + make_interval(secs => least(greatest(p_ms, 1000), 3600000) / 1000.0)
$$;

create function public.provisioner_publish_intake_key(p_kid text, p_public_key text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.intake_keys (kid, public_key) values (p_kid, p_public_key)
  on conflict (kid) do update set published_at = clock_timestamp();
end $$;

create function public.provisioner_pending_work() returns jsonb
language sql security definer set search_path = '' as $$
  select jsonb_build_object(
    'credentials', coalesce((
      select jsonb_agg(c.id) from (
        select id from public.credentials
        where state = 'verifying' and removed_at is null order by created_at limit 100) as c), '[]'),
    'operations', coalesce((
      select jsonb_agg(jsonb_build_object('id', o.id, 'epoch', o.lease_epoch)) from (
        select id, lease_epoch from public.operations
        where state = 'queued' or (state = 'running' and lease_expires_at <= clock_timestamp())
        order by created_at limit 100) as o), '[]'))
$$;

create function public.provisioner_acquire_lease(p_operation text, p_holder text, p_ttl_ms integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations;
  v_instance public.instances;
  v_credential public.credentials;
  v_envelope jsonb;
begin
  select * into v_instance from public.instances
    where id = (select instance_id from public.operations where id = p_operation) for update;
  if not found then return null; end if;
  select * into v_operation from public.operations where id = p_operation for update;
  if v_operation.state in ('succeeded', 'failed')
    or (v_operation.state = 'running' and v_operation.lease_expires_at > clock_timestamp())
  then return null; end if;
  update public.operations set
    state = 'running', lease_holder = p_holder, lease_epoch = lease_epoch + 1,
    lease_expires_at = private.after(p_ttl_ms), attempt = attempt + 1
  where id = p_operation returning * into v_operation;
  select * into v_credential from public.credentials where id = v_instance.credential_id;
  select envelope into v_envelope from public.credential_secrets where credential_id = v_credential.id;
  if v_envelope is null then
    perform private.refuse(409, 'credential_not_ready', jsonb_build_object('name', v_credential.name));
  end if;
  return jsonb_build_object(
    'epoch', v_operation.lease_epoch,
    'operation', to_jsonb(v_operation),
    'instance', to_jsonb(v_instance),
    'expectedMonthlyPrice', case when v_operation.kind = 'deploy' then v_instance.expected_monthly_price end,
    'credential', jsonb_build_object('id', v_credential.id, 'ownerId', v_credential.owner_id,
      'provider', v_credential.provider, 'envelope', v_envelope),
    'enrolment', (select enrolment from public.instance_secrets where instance_id = v_instance.id),
    'stackSecret', (select stack_secret from public.instance_secrets where instance_id = v_instance.id),
    'engineProcess', v_operation.engine_process);
end $$;

create function public.provisioner_renew_lease(p_operation text, p_epoch integer, p_ttl_ms integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.hold(p_operation, p_epoch);
  update public.operations set lease_expires_at = private.after(p_ttl_ms) where id = p_operation;
end $$;

create function public.provisioner_release_lease(p_operation text, p_epoch integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.hold(p_operation, p_epoch);
  update public.operations set lease_expires_at = clock_timestamp() where id = p_operation;
end $$;

create function public.provisioner_record_engine(p_operation text, p_epoch integer, p_process jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.hold(p_operation, p_epoch);
  update public.operations set engine_process = p_process where id = p_operation;
end $$;

create function public.provisioner_set_state(p_operation text, p_epoch integer, p_state text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  perform private.move_instance(v_operation.instance_id, p_operation, p_state, null, false);
end $$;

create function public.provisioner_append_event(p_operation text, p_epoch integer, p_kind text, p_data jsonb)
returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  return private.append_event(v_operation.instance_id, p_operation, p_kind, p_data);
end $$;

create function public.provisioner_store_stack_secret(p_operation text, p_epoch integer, p_envelope jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  -- A second passphrase would lock the stack's state away for good.
  update public.instance_secrets set stack_secret = p_envelope
    where instance_id = v_operation.instance_id and (stack_secret is null or stack_secret = p_envelope);
  if not found then perform private.refuse(409, 'conflict', jsonb_build_object('what', 'stack secret')); end if;
end $$;

create function public.provisioner_store_registration(
  p_operation text, p_epoch integer, p_token_hash text, p_expires_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  if (select count(*) from public.registration_tokens where instance_id = v_operation.instance_id) >= 20 then
    perform private.refuse(409, 'conflict', jsonb_build_object('what', 'registration tokens'));
  end if;
  insert into public.registration_tokens (token_hash, instance_id, expires_at)
  values (p_token_hash, v_operation.instance_id, p_expires_at);
end $$;

create function public.provisioner_erase_enrolment(p_operation text, p_epoch integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  update public.instance_secrets set enrolment = null where instance_id = v_operation.instance_id;
end $$;

create function public.provisioner_finish(p_operation text, p_epoch integer, p_result jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations;
  v_state text := p_result ->> 'state';
  v_failure jsonb := nullif(p_result -> 'failure', 'null');
  v_receipt jsonb := nullif(p_result -> 'receipt', 'null');
  v_to text := p_result ->> 'instanceState';
  v_moved boolean;
begin
  -- The answer to the first call may have been lost on the way.
  perform from public.operations where id = p_operation and lease_epoch = p_epoch and state = v_state;
  if found then return; end if;
  v_operation := private.hold(p_operation, p_epoch);
  update public.operations set
    state = v_state, failure = v_failure, receipt = v_receipt, ended_at = clock_timestamp(), engine_process = null
  where id = p_operation;
  update public.instances set
    monthly_price = coalesce((p_result ->> 'monthlyPrice')::double precision, monthly_price),
    currency = coalesce(p_result ->> 'currency', currency),
    online = online and v_to <> 'destroyed'
  where id = v_operation.instance_id;
  if v_receipt is not null then
    perform private.append_event(v_operation.instance_id, p_operation, 'receipt', v_receipt);
  end if;
  v_moved := private.move_instance(v_operation.instance_id, p_operation, v_to, v_failure, false);
  if not v_moved and v_failure is not null then
    perform private.append_event(v_operation.instance_id, p_operation, 'failure', v_failure);
  end if;
  if v_to = 'destroyed' then
    delete from public.registration_tokens where instance_id = v_operation.instance_id;
    delete from public.instance_secrets where instance_id = v_operation.instance_id;
  end if;
  perform private.audit(v_operation.owner_id, 'provisioner', 'instance.' || v_operation.kind,
    v_operation.instance_id, v_state, jsonb_build_object('operationId', p_operation, 'code', v_failure ->> 'code'));
end $$;

create function public.provisioner_finish_verification(p_credential text, p_result jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.credentials;
begin
  select * into v_row from public.credentials
    where id = p_credential and state = 'verifying' and removed_at is null for update;
  if not found then return; end if;
  update public.credentials set
    state = p_result ->> 'state',
    account = nullif(p_result -> 'account', 'null'),
    missing = coalesce(p_result -> 'missing', '[]'),
    failure = nullif(p_result -> 'failure', 'null'),
    key_version = (p_result #>> '{envelope,kek}')::integer,
    verified_at = clock_timestamp()
  where id = p_credential;
  update public.credential_secrets set sealed = null, envelope = nullif(p_result -> 'envelope', 'null')
    where credential_id = p_credential;
  if p_result ->> 'state' = 'ready' and not exists (
    select from public.credential_secrets where credential_id = p_credential and envelope is not null) then
    perform private.refuse(400, 'invalid_request', jsonb_build_object('what', 'envelope'));
  end if;
  if jsonb_typeof(p_result -> 'catalogue') = 'object' then
    insert into public.catalogues (credential_id, owner_id, catalogue, fetched_at)
    values (p_credential, v_row.owner_id, p_result -> 'catalogue', clock_timestamp());
  end if;
  perform private.audit(v_row.owner_id, 'provisioner', 'credential.verify', p_credential,
    case p_result ->> 'state' when 'ready' then 'succeeded' else 'failed' end,
    jsonb_build_object('code', p_result #>> '{failure,code}'));
end $$;

create function public.provisioner_store_catalogue(p_credential text, p_catalogue jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into public.catalogues (credential_id, owner_id, catalogue, fetched_at)
  select id, owner_id, p_catalogue, clock_timestamp() from public.credentials
    where id = p_credential and state = 'ready' and removed_at is null
  on conflict (credential_id) do update set catalogue = excluded.catalogue, fetched_at = excluded.fetched_at
$$;

create function public.provisioner_stale_catalogues(p_older_than_ms bigint) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(c.id), '[]') from (
    select r.id from public.credentials r left join public.catalogues t on t.credential_id = r.id
    where r.state = 'ready' and r.removed_at is null
      and (t.fetched_at is null or t.fetched_at < clock_timestamp() - make_interval(secs => p_older_than_ms / 1000.0))
    order by t.fetched_at nulls first limit 100) as c
$$;

create function public.provisioner_expire_boots(p_older_than_ms bigint, p_failure jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_row record;
  v_ids jsonb := '[]';
begin
  for v_row in
    select i.id, i.owner_id, i.operation_id from public.instances i
    where i.state in ('booting', 'installing', 'registering')
      and i.booting_at < clock_timestamp() - make_interval(secs => p_older_than_ms / 1000.0)
      and not exists (
        select from public.operations o where o.instance_id = i.id and o.state in ('queued', 'running'))
    order by i.id limit 100 for update of i skip locked
  loop
    perform private.move_instance(v_row.id, v_row.operation_id, 'failed', p_failure, false);
    perform private.audit(v_row.owner_id, 'provisioner', 'instance.boot', v_row.id, 'failed',
      jsonb_build_object('code', p_failure ->> 'code'));
    v_ids := v_ids || to_jsonb(v_row.id);
  end loop;
  return v_ids;
end $$;

create function public.provisioner_list_envelopes(p_after text, p_limit integer) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'envelope', e.envelope) order by e.id), '[]') from (
    select id, envelope from (
      select credential_id as id, envelope from public.credential_secrets where envelope is not null
      union all
      select instance_id, stack_secret from public.instance_secrets where stack_secret is not null
    ) as every_envelope
    where p_after is null or id > p_after
    order by id limit least(greatest(p_limit, 1), 500)) as e
$$;

create function public.provisioner_replace_envelope(p_id text, p_old_kek integer, p_envelope jsonb) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  if p_id like 'crd\_%' then
    update public.credential_secrets set envelope = p_envelope
      where credential_id = p_id and (envelope ->> 'kek')::integer = p_old_kek;
    if not found then return false; end if;
    update public.credentials set key_version = (p_envelope ->> 'kek')::integer where id = p_id;
    return true;
  end if;
  update public.instance_secrets set stack_secret = p_envelope
    where instance_id = p_id and (stack_secret ->> 'kek')::integer = p_old_kek;
  return found;
end $$;

create function public.provisioner_append_audit(p_event jsonb) returns void
language sql security definer set search_path = '' as $$
  select private.audit(p_event ->> 'ownerId', p_event ->> 'actor', p_event ->> 'action', p_event ->> 'target',
    p_event ->> 'outcome', p_event -> 'detail')
$$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;

-- Every function of the provisioner, so that one added above can't be forgotten here.
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname like 'provisioner\_%'
  loop
    execute pg_catalog.format('revoke execute on function %s from public, anon, authenticated', v_function);
    execute pg_catalog.format('grant execute on function %s to service_role', v_function);
  end loop;
end $$;
