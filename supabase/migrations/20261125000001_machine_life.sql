-- A server's life after its first boot: what it tells by itself through its tunnel, support grants, ejection.

alter table public.instances
  add column health jsonb check (octet_length(health::text) <= 4000),
  add column health_at timestamptz,
  -- The machine has said goodbye: it is its owner's alone, and no tunnel of it is let in any more.
  add column ejected_at timestamptz;

alter table public.instance_events drop constraint instance_events_kind_check;
alter table public.instance_events add constraint instance_events_kind_check
  check (kind in ('state', 'progress', 'resource', 'log', 'failure', 'receipt', 'tunnel', 'machine'));

-- Reports that were taken: one that comes again, because its acknowledgement got lost, is not taken twice.
create table public.machine_reports (
  instance_id text not null references public.instances (id),
  id text not null check (id ~ '^[0-9a-z]{16,40}$'),
  at timestamptz not null default clock_timestamp(),
  primary key (instance_id, id)
);
create index machine_reports_by_time on public.machine_reports (instance_id, at);

create table public.support_grants (
  id text primary key check (id ~ '^grt_[0-9a-z]{24}$'),
  instance_id text not null references public.instances (id),
  owner_id text not null references public.owners (id),
  name text not null check (char_length(name) <= 60),
  key_fingerprint text not null check (char_length(key_fingerprint) <= 100),
  root boolean not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  -- SHA-256 of what opens the relay; the token itself goes from the owner to the supporter.
  token_hash text not null check (token_hash ~ '^[0-9a-f]{64}$'),
  ended_at timestamptz,
  ended_why text check (ended_why in ('expired', 'revoked', 'rebooted', 'destroyed')),
  connections integer not null default 0,
  check ((ended_at is null) = (ended_why is null))
);
create index support_grants_of_instance on public.support_grants (instance_id, starts_at desc);

alter table public.machine_reports enable row level security;
alter table public.support_grants enable row level security;
create policy owner_reads on public.support_grants for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));

-- As before, and a server's own reports have an end too: a later one than chatter's, since a flapping line must not
-- hide what happens on the machine.
create or replace function private.append_event(p_instance text, p_operation text, p_kind text, p_data jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
  v_seq integer;
  v_owner text;
begin
  select event_seq, owner_id into v_seq, v_owner from public.instances where id = p_instance for update;
  if (v_seq >= 20000 and p_kind in ('progress', 'resource', 'log', 'tunnel')) or (v_seq >= 40000 and p_kind = 'machine')
  then return v_seq; end if;
  update public.instances set event_seq = v_seq + 1 where id = p_instance;
  insert into public.instance_events (instance_id, seq, owner_id, operation_id, kind, data)
  values (p_instance, v_seq + 1, v_owner, p_operation, p_kind, p_data);
  return v_seq + 1;
end $$;

create function private.end_grants_of_destroyed() returns trigger language plpgsql set search_path = '' as $$
begin
  update public.support_grants set ended_at = clock_timestamp(), ended_why = 'destroyed'
    where instance_id = new.id and ended_at is null;
  return new;
end $$;
create trigger end_grants after update of state on public.instances
  for each row when (new.state = 'destroyed' and old.state <> 'destroyed')
  execute function private.end_grants_of_destroyed();

create or replace function public.machine_attach_tunnel(p_instance text, p_node text) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.instances;
begin
  select * into v_row from public.instances where id = p_instance for update;
  if not found or v_row.identity_public_key is null or v_row.ejected_at is not null
    or v_row.state in ('destroying', 'destroyed')
  then
    perform private.refuse(401, 'tunnel_key_unknown');
  end if;
  update public.instances set online = true, tunnel_node = p_node, tunnel_epoch = v_row.tunnel_epoch + 1
    where id = p_instance;
  if not v_row.online then
    perform private.append_event(p_instance, null, 'tunnel', jsonb_build_object('online', true));
  end if;
  return v_row.tunnel_epoch + 1;
end $$;

-- Heartbeats of many instances at once: [{instanceId, health, ageMs}]. A row that somebody holds is left out, so that
-- this waits for nobody, and named in the answer: {"held": [id]}. What sends no heartbeats (any more) is left out too.
create function public.machine_record_heartbeats(p_rows jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_held jsonb;
begin
  with said as materialized (
    select distinct on (r.value ->> 'instanceId') r.value ->> 'instanceId' as id, r.value -> 'health' as health,
      clock_timestamp() - make_interval(secs => least(greatest((r.value ->> 'ageMs')::double precision, 0), 3600000) / 1000) as at
    from jsonb_array_elements(p_rows) as r
    order by r.value ->> 'instanceId', (r.value ->> 'ageMs')::double precision
  ), alive as materialized (
    select i.id from public.instances i
    where i.id in (select id from said) and i.identity_public_key is not null and i.ejected_at is null
      and i.state not in ('destroying', 'destroyed')
  ), free as materialized (
    select i.id from public.instances i where i.id in (select id from alive)
    order by i.id for no key update skip locked
  ), written as (
    update public.instances i set
      health = said.health,
      health_at = said.at,
      agent_version = said.health ->> 'agentVersion',
      openclaw_version = coalesce(said.health ->> 'openclawVersion', i.openclaw_version)
    from said join free using (id) where i.id = said.id
  )
  select coalesce(jsonb_agg(id), '[]') into v_held from alive where id not in (select id from free);
  return jsonb_build_object('held', v_held);
end $$;

-- What an instance reports beside heartbeats, taken once per id. p_key is the key its tunnel was proven by: after a
-- change of keys a tunnel of the former key has no say any more. A refusal is an answer, as with phases.
create function public.machine_report(p_instance text, p_key text, p_line jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.instances;
  v_report jsonb := p_line -> 'report';
  v_kind text := p_line #>> '{report,kind}';
  v_grant jsonb := p_line #> '{report,grant}';
begin
  select * into v_row from public.instances where id = p_instance for update;
  if not found then return jsonb_build_object('refused', 'tunnel_key_unknown'); end if;
  perform from public.machine_reports where instance_id = p_instance and id = p_line ->> 'id';
  if found then return '{}'; end if;
  if v_row.identity_public_key is distinct from p_key or v_row.ejected_at is not null or v_row.state = 'destroyed' then
    return jsonb_build_object('refused', 'tunnel_key_unknown');
  end if;
  if (select count(*) from public.machine_reports
      where instance_id = p_instance and at > clock_timestamp() - interval '1 day') >= 2000 then
    return jsonb_build_object('refused', 'rate_limited');
  end if;
  insert into public.machine_reports (instance_id, id) values (p_instance, p_line ->> 'id');
  -- An acknowledgement that got lost is asked for again within days at most.
  delete from public.machine_reports where instance_id = p_instance and at < clock_timestamp() - interval '30 days';

  case v_kind
    when 'identity_rotated' then
      update public.instances set
        identity_public_key = v_report ->> 'identityPublicKey', agent_public_key = v_report ->> 'agentPublicKey'
      where id = p_instance;
      perform private.audit(v_row.owner_id, p_instance, 'instance.rotate_keys', p_instance, 'succeeded',
        v_report - 'kind');
    when 'goodbye' then
      update public.instances set ejected_at = clock_timestamp() where id = p_instance;
      update public.support_grants set ended_at = clock_timestamp(), ended_why = 'revoked'
        where instance_id = p_instance and ended_at is null;
      perform private.audit(v_row.owner_id, p_instance, 'instance.eject', p_instance, 'succeeded', '{}');
    when 'grant_opened' then
      insert into public.support_grants (
        id, instance_id, owner_id, name, key_fingerprint, root, starts_at, ends_at, token_hash)
      values (v_grant ->> 'id', p_instance, v_row.owner_id, v_grant ->> 'name', v_grant ->> 'keyFingerprint',
        (v_grant ->> 'root')::boolean, (v_grant ->> 'startsAt')::timestamptz, (v_grant ->> 'endsAt')::timestamptz,
        v_grant ->> 'tokenHash')
      on conflict (id) do nothing;
      perform private.audit(v_row.owner_id, p_instance, 'support.grant', p_instance, 'succeeded', jsonb_build_object(
        'grantId', v_grant -> 'id', 'name', v_grant -> 'name', 'keyFingerprint', v_grant -> 'keyFingerprint',
        'root', v_grant -> 'root', 'endsAt', v_grant -> 'endsAt'));
    when 'grant_closed' then
      update public.support_grants set ended_at = clock_timestamp(), ended_why = v_report ->> 'why'
        where id = v_report ->> 'grantId' and instance_id = p_instance and ended_at is null;
      perform private.audit(v_row.owner_id, p_instance, 'support.end', p_instance, 'succeeded',
        v_report - 'kind');
    when 'support_attempt' then
      perform private.audit(v_row.owner_id, p_instance, 'support.attempt', p_instance, v_report ->> 'outcome',
        v_report - 'kind' - 'outcome');
    else null;
  end case;
  perform private.record_outcome(p_instance, v_report);
  if v_kind <> 'support_attempt' then
    perform private.append_event(p_instance, null, 'machine',
      v_report || jsonb_build_object('reportedAt', p_line -> 'at'));
  end if;
  return '{}';
end $$;

-- Somebody with a grant's token knocks at the relay. Who knows no grant is told so and nothing is noted; whatever
-- else is decided stands in the owner's audit log, at most thirty refusals a minute.
create function public.machine_open_support(p_grant text, p_token_hash text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_instance public.instances;
  v_grant public.support_grants;
  v_code text;
begin
  select i.* into v_instance from public.instances i
    join public.support_grants g on g.instance_id = i.id where g.id = p_grant for update of i;
  if not found then return jsonb_build_object('refused', 'grant_unknown'); end if;
  select * into v_grant from public.support_grants where id = p_grant for update;
  v_code := case
    -- First: whoever can't show the token learns nothing about the grant.
    when v_grant.token_hash <> p_token_hash then 'grant_token_invalid'
    when v_grant.ended_at is not null or v_grant.ends_at <= clock_timestamp()
      or v_instance.ejected_at is not null or v_instance.state in ('destroying', 'destroyed') then 'grant_ended'
  end;
  if v_code is null then
    update public.support_grants set connections = connections + 1 where id = p_grant;
    perform private.audit(v_grant.owner_id, p_grant, 'support.connect', v_grant.instance_id, 'allowed',
      jsonb_build_object('grantId', p_grant, 'name', v_grant.name));
    return jsonb_build_object('instanceId', v_grant.instance_id);
  end if;
  if (select count(*) from (
      select action, outcome, at from public.audit_events
      where owner_id = v_grant.owner_id order by position desc limit 100) as latest
    where action = 'support.connect' and outcome = 'denied' and at > clock_timestamp() - interval '1 minute') < 30
  then
    perform private.audit(v_grant.owner_id, p_grant, 'support.connect', v_grant.instance_id, 'denied',
      jsonb_build_object('grantId', p_grant, 'name', v_grant.name, 'code', v_code));
  end if;
  return jsonb_build_object('refused', v_code);
end $$;

create function public.machine_close_support(p_grant text, p_detail jsonb) returns void
language sql security definer set search_path = '' as $$
  select private.audit(owner_id, p_grant, 'support.disconnect', instance_id, 'succeeded',
    p_detail || jsonb_build_object('grantId', p_grant, 'name', name))
  from public.support_grants where id = p_grant
$$;

-- The outcome of a restart of the gateway that an owner asked for.
create function public.owner_record_restart(p_owner text, p_instance text, p_code text, p_request_id text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_owner(p_owner);
  perform from public.instances where id = p_instance and owner_id = p_owner;
  if not found then perform private.refuse(404, 'not_found'); end if;
  perform private.audit(p_owner, p_owner, 'instance.restart_gateway', p_instance,
    case when p_code is null then 'succeeded' else 'failed' end,
    jsonb_build_object('code', p_code, 'requestId', p_request_id));
end $$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
revoke execute on function
  public.machine_record_heartbeats(jsonb),
  public.machine_report(text, text, jsonb),
  public.machine_open_support(text, text),
  public.machine_close_support(text, jsonb)
from public, anon, authenticated;
grant execute on function
  public.machine_record_heartbeats(jsonb),
  public.machine_report(text, text, jsonb),
  public.machine_open_support(text, text),
  public.machine_close_support(text, jsonb)
to service_role;
revoke execute on function public.owner_record_restart(text, text, text, text) from public, anon, service_role;
grant execute on function public.owner_record_restart(text, text, text, text) to authenticated;
