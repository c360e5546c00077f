-- What the api does for a machine that calls home. For the service role alone.
-- A refusal is an answer ({"refused": code}) and not an exception, so that its audit row is committed.

-- Moves an instance on its way; never back in the order of a deploy, never out of destroying. The row is locked.
-- A failed instance is revived by its machine alone, and only when it was given up for not calling in time or for a
-- bootstrap that failed: whatever else has failed was cleaned up.
create function private.move_instance(
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

-- Null when the token is good for the instance, else the code of the refusal. Locks the instance, then the token.
create function private.check_registration(p_token_hash text, p_instance text, p_action text) returns text
language plpgsql set search_path = '' as $$
declare
  v_token public.registration_tokens;
  v_owner text;
  v_code text;
begin
  select * into v_token from public.registration_tokens where token_hash = p_token_hash;
  if not found then return 'registration_token_invalid'; end if;
  select owner_id into v_owner from public.instances where id = v_token.instance_id for update;
  -- Again under the lock: a registration or a destroy may have come between.
  select * into v_token from public.registration_tokens where token_hash = p_token_hash for update;
  if not found then return 'registration_token_invalid'; end if;
  v_code := case
    when v_token.instance_id <> p_instance then 'registration_wrong_instance'
    when v_token.used_at is not null then 'registration_replayed'
    when v_token.expires_at <= clock_timestamp() then 'registration_token_expired'
  end;
  if v_code is not null then
    perform private.audit(v_owner, v_token.instance_id, p_action, v_token.instance_id, 'denied',
      jsonb_build_object('code', v_code));
  end if;
  return v_code;
end $$;

create function public.machine_report_phase(p_token_hash text, p_report jsonb, p_failure jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_instance text := p_report ->> 'instanceId';
  v_phase text := p_report ->> 'phase';
  v_code text := private.check_registration(p_token_hash, v_instance, 'instance.report');
  v_state text;
  v_operation text;
begin
  if v_code is not null then return jsonb_build_object('refused', v_code); end if;
  v_state := case v_phase when 'booting' then 'booting' when 'registering' then 'registering' else 'installing' end;
  select operation_id into v_operation from public.instances where id = v_instance;
  -- Before the phase's progress, so that a reader sees the state it belongs to.
  if p_report ->> 'status' <> 'failed' then
    perform private.move_instance(v_instance, v_operation, v_state, null, true);
  end if;
  perform private.append_event(v_instance, v_operation, 'progress', jsonb_strip_nulls(jsonb_build_object(
    'phase', v_phase, 'step', p_report ->> 'status', 'message', p_report ->> 'message',
    'elapsedMs', p_report -> 'elapsedMs')));
  if p_report ->> 'status' = 'failed' then
    perform private.move_instance(v_instance, v_operation, 'failed', p_failure, true);
  end if;
  return '{}';
end $$;

create function public.machine_register(p_token_hash text, p_input jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_instance text := p_input ->> 'instanceId';
  v_code text := private.check_registration(p_token_hash, v_instance, 'instance.register');
  v_row public.instances;
begin
  if v_code is not null then return jsonb_build_object('refused', v_code); end if;
  update public.registration_tokens set used_at = clock_timestamp() where instance_id = v_instance and used_at is null;
  update public.instances set
    identity_public_key = p_input ->> 'identityPublicKey',
    agent_public_key = p_input ->> 'agentPublicKey',
    agent_version = p_input ->> 'agentVersion',
    openclaw_version = p_input ->> 'openclawVersion'
  where id = v_instance returning * into v_row;
  perform private.move_instance(v_instance, v_row.operation_id, 'registering', null, true);
  perform private.append_event(v_instance, v_row.operation_id, 'progress', jsonb_build_object(
    'phase', 'registering', 'step', 'finished', 'message', 'The instance has registered its keys.'));
  perform private.audit(v_row.owner_id, v_instance, 'instance.register', v_instance, 'succeeded', jsonb_build_object(
    'agentPublicKey', v_row.agent_public_key, 'identityPublicKey', v_row.identity_public_key));
  return '{}';
end $$;

create function public.machine_attach_tunnel(p_instance text, p_node text) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.instances;
begin
  select * into v_row from public.instances where id = p_instance for update;
  if not found or v_row.identity_public_key is null or v_row.state in ('destroying', 'destroyed') then
    perform private.refuse(401, 'tunnel_key_unknown');
  end if;
  update public.instances set online = true, tunnel_node = p_node, tunnel_epoch = v_row.tunnel_epoch + 1
    where id = p_instance;
  if not v_row.online then
    perform private.append_event(p_instance, null, 'tunnel', jsonb_build_object('online', true));
  end if;
  return v_row.tunnel_epoch + 1;
end $$;

create function public.machine_detach_tunnel(p_instance text, p_epoch integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.instances set online = false, tunnel_node = null
    where id = p_instance and tunnel_epoch = p_epoch and online;
  if found then
    perform private.append_event(p_instance, null, 'tunnel', jsonb_build_object('online', false));
  end if;
end $$;

create function public.machine_detach_node(p_node text) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_id text;
  v_count integer := 0;
begin
  for v_id in select id from public.instances where online and tunnel_node = p_node order by id for update loop
    update public.instances set online = false, tunnel_node = null where id = v_id;
    perform private.append_event(v_id, null, 'tunnel', jsonb_build_object('online', false));
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;

create function public.machine_mark_ready(p_instance text, p_health jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.instances;
  v_moved boolean;
begin
  update public.instances set
    agent_version = p_health ->> 'agentVersion',
    openclaw_version = coalesce(p_health ->> 'openclawVersion', openclaw_version)
  where id = p_instance and identity_public_key is not null and state not in ('destroying', 'destroyed')
  returning * into v_row;
  if not found then return; end if;
  v_moved := private.move_instance(p_instance, v_row.operation_id, 'ready', null, true);
  if v_moved then
    perform private.audit(v_row.owner_id, p_instance, 'instance.ready', p_instance, 'succeeded', '{}');
  end if;
end $$;

create function public.machine_count_traffic(p_instance text, p_messages bigint, p_bytes_up bigint, p_bytes_down bigint)
returns void
language sql security definer set search_path = '' as $$
  update public.instances set
    messages = messages + greatest(p_messages, 0),
    bytes_up = bytes_up + greatest(p_bytes_up, 0),
    bytes_down = bytes_down + greatest(p_bytes_down, 0)
  where id = p_instance
$$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
revoke execute on function
  public.machine_report_phase(text, jsonb, jsonb),
  public.machine_register(text, jsonb),
  public.machine_attach_tunnel(text, text),
  public.machine_detach_tunnel(text, integer),
  public.machine_detach_node(text),
  public.machine_mark_ready(text, jsonb),
  public.machine_count_traffic(text, bigint, bigint, bigint)
from public, anon, authenticated;
grant execute on function
  public.machine_report_phase(text, jsonb, jsonb),
  public.machine_register(text, jsonb),
  public.machine_attach_tunnel(text, text),
  public.machine_detach_tunnel(text, integer),
  public.machine_detach_node(text),
  public.machine_mark_ready(text, jsonb),
  public.machine_count_traffic(text, bigint, bigint, bigint)
to service_role;
