-- Four clouds: roles with an external id per owner, power, size, drift, strays, destroys that are tried again.

-- What an owner's roles must ask for. Not a secret, and nobody else's: a role of another owner can't be used by naming it.
alter table public.owners add column external_id text not null
  default 'claw-' || replace(gen_random_uuid()::text, '-', '') check (char_length(external_id) between 20 and 100);
create unique index owners_external_id on public.owners (external_id);

create function public.owner_external_id(p_owner text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_id text;
begin
  perform private.require_owner(p_owner);
  insert into public.owners (id) values (p_owner) on conflict (id) do nothing;
  select external_id into v_id from public.owners where id = p_owner;
  return v_id;
end $$;

-- Of an instance's size in its region, as last listed; null when nobody knows.
create function private.hourly_price(p_instance public.instances) returns double precision
language sql stable set search_path = '' as $$
  select (offer.value ->> 'hourly')::double precision
  from public.catalogues c
    cross join lateral jsonb_array_elements(c.catalogue -> 'sizes') as size
    cross join lateral jsonb_array_elements(size.value -> 'offers') as offer
  where c.credential_id = p_instance.credential_id
    and size.value ->> 'id' = p_instance.size and offer.value ->> 'region' = p_instance.region
  limit 1
$$;

create or replace function public.provisioner_acquire_lease(p_operation text, p_holder text, p_ttl_ms integer) returns jsonb
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
  if v_operation.state in ('succeeded', 'failed') or v_operation.not_before > clock_timestamp()
    or (v_operation.state = 'running' and v_operation.lease_expires_at > clock_timestamp())
  then return null; end if;
  update public.operations set
    state = 'running', lease_holder = p_holder, lease_epoch = lease_epoch + 1,
    lease_expires_at = private.after(p_ttl_ms), attempt = attempt + 1
  where id = p_operation returning * into v_operation;
  -- A check may try another credential of the owner; it becomes the instance's own when the check says so.
  select * into v_credential from public.credentials
    where id = coalesce(v_operation.input ->> 'credentialId', v_instance.credential_id);
  select envelope into v_envelope from public.credential_secrets where credential_id = v_credential.id;
  if v_envelope is null then
    perform private.refuse(409, 'credential_not_ready', jsonb_build_object('name', v_credential.name));
  end if;
  return jsonb_build_object(
    'epoch', v_operation.lease_epoch,
    'operation', to_jsonb(v_operation),
    'instance', to_jsonb(v_instance),
    'expectedMonthlyPrice', case v_operation.kind
      when 'deploy' then v_instance.expected_monthly_price
      when 'resize' then (v_operation.input ->> 'expectedMonthlyPrice')::double precision end,
    'wishedSize', v_operation.input ->> 'size',
    'newCredential', v_operation.input ? 'credentialId',
    'stateBefore', v_operation.state_before,
    'hourlyPrice', private.hourly_price(v_instance),
    'credential', jsonb_build_object('id', v_credential.id, 'ownerId', v_credential.owner_id,
      'provider', v_credential.provider, 'envelope', v_envelope,
      'externalId', (select external_id from public.owners where id = v_credential.owner_id)),
    'enrolment', (select enrolment from public.instance_secrets where instance_id = v_instance.id),
    'stackSecret', (select stack_secret from public.instance_secrets where instance_id = v_instance.id),
    'engineProcess', v_operation.engine_process);
end $$;

alter table public.instances
  add column console_url text check (char_length(console_url) <= 500),
  add column drift jsonb check (octet_length(drift::text) <= 60000),
  -- When a destroy that did not finish is tried again by itself, and how often it was.
  add column retry_at timestamptz,
  add column retries integer not null default 0,
  -- When the first of these destroys failed.
  add column retry_since timestamptz,
  -- Whose cloud account it was in, noted when it was destroyed: its credential may be removed afterwards.
  add column account jsonb check (octet_length(account::text) <= 4000);
create index instances_to_retry on public.instances (retry_at) where retry_at is not null;

alter table public.instances drop constraint instances_state_check;
alter table public.instances add constraint instances_state_check check (state in (
  'queued', 'preflight', 'creating', 'booting', 'installing', 'registering', 'ready',
  'stopping', 'stopped', 'starting', 'rebooting', 'resizing', 'repairing', 'failed', 'destroying', 'destroyed'));
alter table public.operations drop constraint operations_kind_check;
alter table public.operations add constraint operations_kind_check
  check (kind in ('deploy', 'destroy', 'start', 'stop', 'reboot', 'resize', 'check', 'repair'));
alter table public.operations
  -- What was asked for beside the kind: {size, expectedMonthlyPrice} of a resize, {credentialId} of a check with another
  -- credential, {cleanUp: true} of a destroy that nobody asked for and that clears what a failed deploy left.
  add column input jsonb check (octet_length(input::text) <= 2000),
  -- Where the instance goes back to when it fails.
  add column state_before text check (char_length(state_before) <= 40),
  -- Nobody takes it up earlier: a cloud that answers no more for a while, an engine that must have ended before.
  add column not_before timestamptz,
  add column postponed integer not null default 0;

-- What sweeps found in owners' accounts under a tag of the product, and no living instance owns.
create table public.strays (
  id text primary key check (id ~ '^str_[0-9a-f]{24}$'),
  owner_id text not null references public.owners (id),
  credential_id text not null references public.credentials (id),
  kind text not null check (char_length(kind) between 1 and 40),
  resource_id text not null check (char_length(resource_id) between 1 and 200),
  region text check (char_length(region) <= 60),
  name text not null check (char_length(name) <= 200),
  tag text not null check (char_length(tag) <= 200),
  -- The destroyed instance of this owner and this account that the tag names: then it may be deleted on request.
  instance_id text references public.instances (id),
  created_at timestamptz,
  seen_at timestamptz not null,
  console_url text check (char_length(console_url) <= 500),
  delete_asked_at timestamptz,
  claimed_until timestamptz,
  failure jsonb check (octet_length(failure::text) <= 60000)
);
create index strays_of_owner on public.strays (owner_id, seen_at desc);
create index strays_of_credential on public.strays (credential_id);
alter table public.strays enable row level security;
create policy owner_reads on public.strays for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
alter table public.credentials add column swept_at timestamptz;


create function private.forget_strays() returns trigger language plpgsql set search_path = '' as $$
begin
  delete from public.strays where credential_id = new.id;
  return new;
end $$;
create trigger forget_strays after update of removed_at on public.credentials
  for each row when (new.removed_at is not null) execute function private.forget_strays();

-- As before, and between ready and stopped by the owner's wish; a server that is gone fails.
create or replace function private.guard_instance_state() returns trigger language plpgsql set search_path = '' as $$
declare
  v_order constant text[] :=
    array['queued', 'preflight', 'creating', 'booting', 'installing', 'registering', 'ready'];
  v_settled constant text[] := array['ready', 'stopped'];
  v_at_work constant text[] := array['stopping', 'starting', 'rebooting', 'resizing', 'repairing'];
  v_old integer := array_position(v_order, old.state);
  v_new integer := array_position(v_order, new.state);
begin
  if old.state = new.state
    -- On the way to ready: forward, or given up.
    or v_new > v_old
    or (v_old is not null and new.state = 'failed')
    -- While a worker makes a server nothing is destroyed: owner_destroy sees to that.
    or (v_old is not null and new.state = 'destroying')
    or (old.state = any (v_settled) and new.state = any (v_at_work || v_settled))
    or (old.state = any (v_at_work) and new.state = any (v_settled))
    or (old.state = any (v_at_work || v_settled) and new.state in ('failed', 'destroying'))
    -- A machine that was given up and comes alive after all, or is taken away.
    or (old.state = 'failed' and (v_new >= array_position(v_order, 'booting') or new.state = 'destroying'))
    or (old.state = 'destroying' and new.state in ('destroyed', 'failed'))
  then return new; end if;
  raise exception using errcode = 'PT409', message = 'conflict',
    detail = jsonb_build_object('from', old.state, 'to', new.state)::text;
end $$;

-- As before, and what waits or runs is given up when a destroy takes its place.
create or replace function private.guard_operation_state() returns trigger language plpgsql set search_path = '' as $$
begin
  if old.state = new.state
    or (old.state = 'queued' and new.state in ('running', 'failed'))
    or (old.state = 'running' and new.state in ('succeeded', 'failed'))
  then return new; end if;
  raise exception using errcode = 'PT409', message = 'conflict',
    detail = jsonb_build_object('from', old.state, 'to', new.state)::text;
end $$;

-- As before; what a machine says does not end a stop, a start, a resize that is under way. One that comes alive without
-- us having started it was started by hand.
create or replace function private.move_instance(
  p_instance text, p_operation text, p_state text, p_failure jsonb, p_by_machine boolean
) returns boolean
language plpgsql set search_path = '' as $$
declare
  v_order constant text[] :=
    array['queued', 'preflight', 'creating', 'booting', 'installing', 'registering', 'ready'];
  v_now public.instances;
  v_target integer := array_position(v_order, p_state);
begin
  select * into v_now from public.instances where id = p_instance for update;
  if v_now.state = p_state then
    return false;
  elsif v_now.state in ('stopped', 'stopping', 'starting', 'rebooting', 'resizing', 'repairing') then
    if p_by_machine and not (v_now.state = 'stopped' and p_state = 'ready') then return false; end if;
  elsif v_target is not null then
    if v_now.state in ('destroying', 'destroyed') then return false; end if;
    if v_now.state = 'failed' then
      if not p_by_machine or v_now.failure ->> 'code' not in ('boot_timeout', 'bootstrap_failed') then
        return false;
      end if;
    elsif v_target < array_position(v_order, v_now.state) then
      return false;
    end if;
  end if;
  update public.instances set
    state = p_state,
    failure = p_failure,
    booting_at = case when p_state in ('booting', 'installing', 'registering') then coalesce(booting_at, clock_timestamp()) else booting_at end,
    ready_at = case when p_state = 'ready' then coalesce(ready_at, clock_timestamp()) else ready_at end,
    destroyed_at = case when p_state = 'destroyed' then clock_timestamp() else destroyed_at end
  where id = p_instance;
  perform private.append_event(p_instance, p_operation, 'state', jsonb_build_object('state', p_state));
  if p_failure is not null then
    perform private.append_event(p_instance, p_operation, 'failure', p_failure);
  end if;
  return true;
end $$;

-- What an owner asks of a server that stays. Idempotent by the operation's id, and the same wish twice is one operation
-- while it is at work. p_during null leaves the state as it is.
create function private.ask(
  p_owner text, p_instance text, p_operation text, p_kind text, p_input jsonb, p_from text[], p_during text,
  p_request_id text
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_instance public.instances;
  v_operation public.operations;
begin
  perform private.require_owner(p_owner);
  select * into v_instance from public.instances where id = p_instance and owner_id = p_owner for update;
  if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'instance')); end if;

  select * into v_operation from public.operations where id = p_operation;
  if found then
    if v_operation.instance_id = p_instance and v_operation.kind = p_kind
      and v_operation.input is not distinct from p_input
    then return to_jsonb(v_operation); end if;
    perform private.refuse(409, 'conflict', jsonb_build_object('what', 'operation'));
  end if;
  select * into v_operation from public.operations
    where instance_id = p_instance and state in ('queued', 'running');
  if found then
    if v_operation.kind = p_kind and v_operation.input is not distinct from p_input then
      return to_jsonb(v_operation);
    end if;
    perform private.refuse(409, 'instance_busy',
      jsonb_build_object('name', v_instance.name, 'kind', v_operation.kind));
  end if;
  if v_instance.state <> all (p_from) then
    perform private.refuse(409, 'conflict', jsonb_build_object('from', v_instance.state, 'wish', p_kind));
  end if;

  insert into public.operations (id, instance_id, owner_id, kind, input, state_before)
  values (p_operation, p_instance, p_owner, p_kind, p_input, v_instance.state) returning * into v_operation;
  update public.instances set
    state = coalesce(p_during, state),
    failure = case when p_during is null then failure end,
    operation_id = p_operation
  where id = p_instance;
  if p_during is not null then
    perform private.append_event(p_instance, p_operation, 'state', jsonb_build_object('state', p_during));
  end if;
  perform private.audit(p_owner, p_owner, 'instance.' || p_kind, p_instance, 'allowed',
    coalesce(p_input, '{}') || jsonb_build_object('operationId', p_operation, 'requestId', p_request_id));
  return to_jsonb(v_operation);
end $$;

-- Starting what runs and stopping what stands is allowed: the owner may have done the other by hand.
create function public.owner_power(p_owner text, p_instance text, p_wish text, p_operation text, p_request_id text)
returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  if p_wish = 'start' then
    return private.ask(p_owner, p_instance, p_operation, 'start', null, array['ready', 'stopped'], 'starting', p_request_id);
  elsif p_wish = 'stop' then
    return private.ask(p_owner, p_instance, p_operation, 'stop', null, array['ready', 'stopped'], 'stopping', p_request_id);
  elsif p_wish = 'reboot' then
    return private.ask(p_owner, p_instance, p_operation, 'reboot', null, array['ready'], 'rebooting', p_request_id);
  end if;
  perform private.refuse(400, 'invalid_request', jsonb_build_object('what', 'wish'));
  return null;
end $$;

create function public.owner_resize(p_owner text, p_instance text, p_input jsonb, p_operation text, p_request_id text)
returns jsonb language sql security definer set search_path = '' as $$
  select private.ask(p_owner, p_instance, p_operation, 'resize',
    jsonb_build_object('size', p_input -> 'size', 'expectedMonthlyPrice', p_input -> 'expectedMonthlyPrice'),
    array['ready', 'stopped'], 'resizing', p_request_id)
$$;

create function public.owner_check(p_owner text, p_instance text, p_operation text, p_request_id text)
returns jsonb language sql security definer set search_path = '' as $$
  select private.ask(p_owner, p_instance, p_operation, 'check', null, array['ready', 'stopped'], null, p_request_id)
$$;

create function public.owner_repair(p_owner text, p_instance text, p_operation text, p_request_id text)
returns jsonb language sql security definer set search_path = '' as $$
  select private.ask(p_owner, p_instance, p_operation, 'repair', null, array['ready', 'stopped'], 'repairing', p_request_id)
$$;

-- A check with another credential of the same cloud; the instance moves to it when that one's account has the machine.
create function public.owner_replace_credential(
  p_owner text, p_instance text, p_credential text, p_operation text, p_request_id text
) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_credential public.credentials;
  v_provider text;
begin
  perform private.require_owner(p_owner);
  select provider into v_provider from public.instances where id = p_instance and owner_id = p_owner;
  if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'instance')); end if;
  -- Shared lock: it can't be removed between this check and the commit.
  select * into v_credential from public.credentials
    where id = p_credential and owner_id = p_owner and removed_at is null and provider = v_provider for share;
  if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'credential')); end if;
  if v_credential.state = 'verifying' then
    perform private.refuse(409, 'credential_not_ready', jsonb_build_object('name', v_credential.name));
  elsif v_credential.state = 'rejected' then
    perform private.refuse(422, 'credential_rejected', jsonb_build_object('name', v_credential.name));
  end if;
  return private.ask(p_owner, p_instance, p_operation, 'check', jsonb_build_object('credentialId', p_credential),
    array['ready', 'stopped', 'failed'], null, p_request_id);
end $$;

-- As before, and it takes the place of whatever else is at work: that one's worker is told by its lost lease, and the
-- destroy waits for as long as its lease would have lasted, so that never two engines work on one stack. Only a deploy
-- that a worker is making a server for right now goes on to its end first: a create that is under way can't be called
-- back, and could appear after the destroy has looked.
create or replace function public.owner_destroy(p_owner text, p_instance text, p_operation text, p_request_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_instance public.instances;
  v_operation public.operations;
  v_former public.operations;
begin
  perform private.require_owner(p_owner);
  select * into v_instance from public.instances where id = p_instance and owner_id = p_owner for update;
  if not found then perform private.refuse(404, 'not_found'); end if;

  select * into v_operation from public.operations
    where instance_id = p_instance and state in ('queued', 'running') for update;
  if found then
    if v_operation.kind = 'deploy' and v_instance.state <> 'ready' and v_operation.lease_expires_at > clock_timestamp() then
      perform private.refuse(409, 'instance_busy', jsonb_build_object('name', v_instance.name, 'kind', 'deploy'));
    elsif v_operation.kind = 'destroy' then
      -- What only cleared up after a failed deploy becomes what the owner wants.
      if v_operation.input ? 'cleanUp' then
        update public.operations set input = null where id = v_operation.id returning * into v_operation;
      end if;
      return to_jsonb(v_operation);
    end if;
    v_former := v_operation;
    update public.operations set state = 'failed', ended_at = clock_timestamp(), failure = jsonb_build_object(
      'code', 'lease_lost', 'retryable', false, 'resourceMayExist', true,
      'message', 'A destroy was asked for and has taken its place.', 'fix', 'Follow the destroy.')
    where id = v_former.id;
  elsif v_instance.state = 'destroyed' then
    select * into v_operation from public.operations
      where instance_id = p_instance and kind = 'destroy' order by created_at desc limit 1;
    return to_jsonb(v_operation);
  end if;

  insert into public.operations (id, instance_id, owner_id, kind, not_before, engine_process)
  values (p_operation, p_instance, p_owner, 'destroy', v_former.lease_expires_at, v_former.engine_process)
  returning * into v_operation;
  update public.instances set state = 'destroying', failure = null, operation_id = p_operation,
    retry_at = null, retries = 0, retry_since = null
  where id = p_instance;
  -- From here on no machine of this instance is let in any more.
  delete from public.registration_tokens where instance_id = p_instance;
  update public.instance_secrets set enrolment = null where instance_id = p_instance;
  perform private.append_event(p_instance, p_operation, 'state', jsonb_build_object('state', 'destroying'));
  perform private.audit(p_owner, p_owner, 'instance.destroy', p_instance, 'allowed',
    jsonb_build_object('operationId', p_operation, 'requestId', p_request_id));
  return to_jsonb(v_operation);
end $$;

create or replace function public.provisioner_pending_work() returns jsonb
language sql security definer set search_path = '' as $$
  select jsonb_build_object(
    'credentials', coalesce((
      select jsonb_agg(c.id) from (
        select id from public.credentials
        where state = 'verifying' and removed_at is null order by created_at limit 100) as c), '[]'),
    'strays', coalesce((
      select jsonb_agg(s.id) from (
        select id from public.strays
        where delete_asked_at is not null and (claimed_until is null or claimed_until <= clock_timestamp())
        order by delete_asked_at limit 100) as s), '[]'),
    'operations', coalesce((
      select jsonb_agg(jsonb_build_object('id', o.id, 'epoch', o.lease_epoch)) from (
        select id, lease_epoch from public.operations
        where (state = 'queued' or (state = 'running' and lease_expires_at <= clock_timestamp()))
          and (not_before is null or not_before <= clock_timestamp())
        order by created_at limit 100) as o), '[]'))
$$;

-- Lets go of an operation until a time at which the cloud answers again, or for growing pauses where it doesn't say when;
-- false when it has waited too often.
create function public.provisioner_postpone(
  p_operation text, p_epoch integer, p_until timestamptz, p_message text, p_most integer
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations := private.hold(p_operation, p_epoch);
begin
  if v_operation.postponed >= p_most then return false; end if;
  update public.operations set
    lease_expires_at = clock_timestamp(), engine_process = null, postponed = postponed + 1,
    -- Waiting is no attempt.
    attempt = greatest(attempt - 1, 0),
    not_before = least(
      greatest(coalesce(p_until, clock_timestamp() + interval '10 seconds' * power(2, least(postponed, 7))), clock_timestamp()),
      clock_timestamp() + interval '1 day')
  where id = p_operation returning * into v_operation;
  perform private.append_event(v_operation.instance_id, p_operation, 'progress', jsonb_build_object(
    'phase', (select state from public.instances where id = v_operation.instance_id),
    'step', 'waiting', 'message', p_message, 'until', v_operation.not_before));
  return true;
end $$;

-- As before, with size, console, drift and credential; a destroy or a deploy that may have left something is noted to be
-- tried again: result.retry = {firstMs, longestMs, forMs} says with which pauses and for how long.
create or replace function public.provisioner_finish(p_operation text, p_epoch integer, p_result jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_operation public.operations;
  v_instance public.instances;
  v_state text := p_result ->> 'state';
  v_failure jsonb := nullif(p_result -> 'failure', 'null');
  v_receipt jsonb := nullif(p_result -> 'receipt', 'null');
  v_to text := p_result ->> 'instanceState';
  -- What the instance shows: a check does not touch what it failed of before.
  v_shown jsonb := v_failure;
  v_retry jsonb := coalesce(nullif(p_result -> 'retry', 'null'), '{}');
  v_retry_at timestamptz;
  v_moved boolean;
begin
  -- The answer to the first call may have been lost on the way.
  perform from public.operations where id = p_operation and lease_epoch = p_epoch and state = v_state;
  if found then return; end if;
  v_operation := private.hold(p_operation, p_epoch);
  select * into v_instance from public.instances where id = v_operation.instance_id;
  update public.operations set
    state = v_state, failure = v_failure, receipt = v_receipt, ended_at = clock_timestamp(), engine_process = null
  where id = p_operation;

  if v_operation.input ? 'cleanUp' and v_to = 'destroyed' then
    -- The deploy has failed all the same, and its owner shall see of what; nothing bills any more.
    v_to := 'failed';
    select coalesce(failure, '{}') || '{"resourceMayExist": false}' into v_shown from public.operations
      where instance_id = v_instance.id and kind = 'deploy' order by created_at limit 1;
  end if;
  if v_state = 'failed' and v_to = 'failed' and (
    v_operation.kind = 'destroy' or (v_operation.kind = 'deploy' and (v_failure -> 'resourceMayExist')::boolean))
  then
    v_retry_at := clock_timestamp() + make_interval(secs => least(
      coalesce((v_retry ->> 'firstMs')::double precision, 300000) * power(2, least(v_instance.retries, 30)),
      coalesce((v_retry ->> 'longestMs')::double precision, 21600000)) / 1000);
    if v_retry_at > coalesce(v_instance.retry_since, clock_timestamp())
      + make_interval(secs => coalesce((v_retry ->> 'forMs')::double precision, 259200000) / 1000)
    then v_retry_at := null; end if;
  end if;

  update public.instances set
    size = coalesce(p_result ->> 'size', size),
    monthly_price = coalesce((p_result ->> 'monthlyPrice')::double precision, monthly_price),
    currency = coalesce(p_result ->> 'currency', currency),
    console_url = case when v_to = 'destroyed' then null else coalesce(p_result ->> 'consoleUrl', console_url) end,
    drift = case when v_to = 'destroyed' then null else coalesce(nullif(p_result -> 'drift', 'null'), drift) end,
    credential_id = coalesce(p_result ->> 'credentialId', credential_id),
    account = case when v_to = 'destroyed'
      then (select c.account from public.credentials c where c.id = v_instance.credential_id) end,
    retry_at = case
      when v_operation.kind in ('deploy', 'destroy') then v_retry_at
      -- The credential may have been why it failed.
      when p_result ? 'credentialId' and retry_since is not null then clock_timestamp()
      else retry_at end,
    retries = case when p_result ? 'credentialId' then 0 else retries end,
    retry_since = case
      when v_operation.kind = 'destroy' and v_state = 'succeeded' then null
      when v_retry_at is not null then coalesce(retry_since, clock_timestamp())
      when p_result ? 'credentialId' and retry_since is not null then clock_timestamp()
      else retry_since end,
    online = online and v_to not in ('destroyed', 'stopped')
  where id = v_instance.id;
  if v_receipt is not null then
    perform private.append_event(v_instance.id, p_operation, 'receipt', v_receipt);
  end if;
  v_moved := private.move_instance(v_instance.id, p_operation, v_to, v_shown, false);
  if not v_moved then
    if v_failure is not null then
      perform private.append_event(v_instance.id, p_operation, 'failure', v_failure);
    end if;
    -- A failed check is shown where nothing worse is.
    if v_operation.kind = 'check' and v_to in ('ready', 'stopped') then
      update public.instances set failure = v_failure where id = v_instance.id;
    end if;
  end if;
  if v_to = 'destroyed' then
    delete from public.registration_tokens where instance_id = v_instance.id;
    delete from public.instance_secrets where instance_id = v_instance.id;
  end if;
  perform private.audit(v_operation.owner_id, 'provisioner', 'instance.' || v_operation.kind,
    v_instance.id, v_state, jsonb_build_object('operationId', p_operation, 'code', v_failure ->> 'code'));
end $$;

-- Destroys once more what is due; returns [{id, operationId}]. What is left of a failed deploy is only cleared: the
-- instance stays failed.
create function public.provisioner_retry_destroys() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_row record;
  v_last public.operations;
  v_operation text;
  v_done jsonb := '[]';
begin
  for v_row in
    select i.id, i.owner_id, i.retries from public.instances i
    where i.retry_at <= clock_timestamp() and i.state = 'failed' and not exists (
      select from public.operations o where o.instance_id = i.id and o.state in ('queued', 'running'))
    order by i.retry_at limit 20 for update of i skip locked
  loop
    select * into v_last from public.operations
      where instance_id = v_row.id and kind in ('deploy', 'destroy') order by created_at desc limit 1;
    v_operation := 'opn_' || left(replace(gen_random_uuid()::text, '-', ''), 12)
      || left(replace(gen_random_uuid()::text, '-', ''), 12);
    insert into public.operations (id, instance_id, owner_id, kind, input)
    values (v_operation, v_row.id, v_row.owner_id, 'destroy',
      case when v_last.kind = 'deploy' or v_last.input ? 'cleanUp' then '{"cleanUp": true}'::jsonb end);
    update public.instances set state = 'destroying', operation_id = v_operation, retry_at = null, retries = retries + 1
      where id = v_row.id;
    delete from public.registration_tokens where instance_id = v_row.id;
    update public.instance_secrets set enrolment = null where instance_id = v_row.id;
    perform private.append_event(v_row.id, v_operation, 'state', jsonb_build_object('state', 'destroying'));
    perform private.audit(v_row.owner_id, 'provisioner', 'instance.destroy', v_row.id, 'allowed',
      jsonb_build_object('operationId', v_operation, 'retry', v_row.retries + 1));
    v_done := v_done || jsonb_build_object('id', v_row.id, 'operationId', v_operation);
  end loop;
  return v_done;
end $$;

-- The destroyed instance of the credential's owner and account that a tag names exactly; null when there is none.
create function private.bound_instance(p_credential public.credentials, p_tag text) returns text
language sql stable set search_path = '' as $$
  select i.id from public.instances i join public.credentials made on made.id = i.credential_id
  where 'claw-' || i.id = p_tag and i.owner_id = p_credential.owner_id and i.state = 'destroyed'
    and (made.id = p_credential.id
      or (made.provider = p_credential.provider and coalesce(i.account, made.account) = p_credential.account))
$$;

-- Credentials whose account was not looked through for longer; at most p_limit, and nobody else is given them now.
create function public.provisioner_claim_sweeps(p_older_than_ms bigint, p_limit integer) returns jsonb
language sql security definer set search_path = '' as $$
  with due as (
    select id from public.credentials
    where state = 'ready' and removed_at is null and coalesce(swept_at, verified_at, created_at)
      < clock_timestamp() - make_interval(secs => p_older_than_ms / 1000.0)
    order by swept_at nulls first limit least(greatest(p_limit, 1), 20) for update skip locked
  ), claimed as (
    update public.credentials c set swept_at = clock_timestamp() from due where c.id = due.id returning c.id
  )
  select coalesce(jsonb_agg(id), '[]') from claimed
$$;

-- What a sweep has found: [{kind, id, name, tag, region, createdAt, consoleUrl}]. Replaces what was known of the
-- credential; what is somebody's living instance is left out. Returns how many strays there are.
create function public.provisioner_record_tagged(p_credential text, p_found jsonb) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_credential public.credentials;
  v_now timestamptz := clock_timestamp();
  v_count integer;
begin
  select * into v_credential from public.credentials
    where id = p_credential and state = 'ready' and removed_at is null for update;
  if not found then return 0; end if;
  insert into public.strays as known (
    id, owner_id, credential_id, kind, resource_id, region, name, tag, instance_id, created_at, seen_at, console_url)
  select distinct on (f.value ->> 'kind', f.value ->> 'id')
    'str_' || left(encode(sha256(convert_to(concat_ws(E'\n', v_credential.owner_id, v_credential.provider,
      f.value ->> 'kind', f.value ->> 'region', f.value ->> 'id'), 'UTF8')), 'hex'), 24),
    v_credential.owner_id, v_credential.id, f.value ->> 'kind', f.value ->> 'id', f.value ->> 'region',
    left(f.value ->> 'name', 200), left(f.value ->> 'tag', 200), private.bound_instance(v_credential, f.value ->> 'tag'),
    (f.value ->> 'createdAt')::timestamptz, v_now, f.value ->> 'consoleUrl'
  from jsonb_array_elements(p_found) as f
  where not exists (
    select from public.instances i
    where 'claw-' || i.id = f.value ->> 'tag' and i.owner_id = v_credential.owner_id and i.state <> 'destroyed')
  on conflict (id) do update set
    name = excluded.name, tag = excluded.tag, instance_id = excluded.instance_id, seen_at = excluded.seen_at,
    console_url = excluded.console_url,
    -- Two credentials of one account see the same things: the row stays with the one that still may.
    credential_id = case when exists (
      select from public.credentials c where c.id = known.credential_id and c.removed_at is null)
      then known.credential_id else excluded.credential_id end;
  get diagnostics v_count = row_count;
  delete from public.strays where credential_id = p_credential and seen_at < v_now
    and (claimed_until is null or claimed_until <= v_now);
  return v_count;
end $$;

create function public.owner_delete_stray(p_owner text, p_stray text, p_request_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_stray public.strays;
  v_bound text;
begin
  perform private.require_owner(p_owner);
  select * into v_stray from public.strays where id = p_stray and owner_id = p_owner for update;
  if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'stray')); end if;
  select private.bound_instance(c, v_stray.tag) into v_bound from public.credentials c
    where c.id = v_stray.credential_id and c.removed_at is null;
  if v_bound is null or v_bound is distinct from v_stray.instance_id then
    perform private.refuse(409, 'conflict', jsonb_build_object('unbound', v_stray.name));
  end if;
  if v_stray.delete_asked_at is null then
    update public.strays set delete_asked_at = clock_timestamp(), failure = null where id = p_stray
      returning * into v_stray;
    perform private.audit(p_owner, p_owner, 'stray.delete', p_stray, 'allowed', jsonb_build_object(
      'kind', v_stray.kind, 'resourceId', v_stray.resource_id, 'tag', v_stray.tag, 'requestId', p_request_id));
  end if;
  return to_jsonb(v_stray);
end $$;

-- A stray whose deletion was asked for, for one worker until p_ttl_ms have passed; null when there is nothing to do, or
-- when no record binds it any more.
create function public.provisioner_claim_stray(p_stray text, p_ttl_ms integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_stray public.strays;
  v_credential public.credentials;
begin
  select * into v_stray from public.strays where id = p_stray for update;
  if not found or v_stray.delete_asked_at is null or v_stray.claimed_until > clock_timestamp() then return null; end if;
  select * into v_credential from public.credentials where id = v_stray.credential_id and removed_at is null;
  if v_credential.id is null
    or private.bound_instance(v_credential, v_stray.tag) is distinct from v_stray.instance_id
    or v_stray.instance_id is null
  then
    update public.strays set delete_asked_at = null where id = p_stray;
    return null;
  end if;
  update public.strays set claimed_until = private.after(p_ttl_ms) where id = p_stray;
  return jsonb_build_object('id', v_stray.id, 'credentialId', v_stray.credential_id, 'kind', v_stray.kind,
    'resourceId', v_stray.resource_id, 'region', v_stray.region, 'name', v_stray.name, 'tag', v_stray.tag);
end $$;

-- Null as the failure: it is gone.
create function public.provisioner_finish_stray(p_stray text, p_failure jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_stray public.strays;
begin
  select * into v_stray from public.strays where id = p_stray for update;
  if not found then return; end if;
  if nullif(p_failure, 'null') is null then
    delete from public.strays where id = p_stray;
  else
    update public.strays set failure = p_failure, delete_asked_at = null, claimed_until = null where id = p_stray;
  end if;
  perform private.audit(v_stray.owner_id, 'provisioner', 'stray.delete', p_stray,
    case when nullif(p_failure, 'null') is null then 'succeeded' else 'failed' end, jsonb_build_object(
      'kind', v_stray.kind, 'resourceId', v_stray.resource_id, 'tag', v_stray.tag, 'code', p_failure ->> 'code'));
end $$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
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
  for v_function in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname like 'owner\_%'
  loop
    execute pg_catalog.format('revoke execute on function %s from public, anon, service_role', v_function);
    execute pg_catalog.format('grant execute on function %s to authenticated', v_function);
  end loop;
end $$;
