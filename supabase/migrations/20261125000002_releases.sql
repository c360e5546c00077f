-- The channel: which version of OpenClaw is offered to which instances, in stages that stop by themselves.

create table public.openclaw_releases (
  version text primary key check (version ~ '^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$'),
  integrity text not null check (integrity ~ '^sha512-[A-Za-z0-9+/]{86}==$'),
  changelog text not null check (char_length(changelog) <= 20000),
  released_at timestamptz not null
);

create table public.rollouts (
  version text primary key references public.openclaw_releases (version),
  stage text not null default '1' check (stage in ('1', '10', '100')),
  state text not null default 'running' check (state in ('running', 'halted', 'done')),
  reason text check (char_length(reason) <= 500),
  started_at timestamptz not null default clock_timestamp(),
  stage_at timestamptz not null default clock_timestamp(),
  -- Outcomes of before an operator resumed it were looked at and do not count.
  counted_from timestamptz not null default clock_timestamp()
);

-- The first outcome of each instance: one that tries again and again weighs no more than the others.
create table public.rollout_outcomes (
  version text not null references public.rollouts (version),
  instance_id text not null references public.instances (id),
  at timestamptz not null default clock_timestamp(),
  succeeded boolean not null,
  primary key (version, instance_id)
);
create index rollout_outcomes_by_time on public.rollout_outcomes (version, at);

-- Nobody's token reads them: an instance hears of a release through its tunnel.
alter table public.openclaw_releases enable row level security;
alter table public.rollouts enable row level security;
alter table public.rollout_outcomes enable row level security;

-- Counts an update's outcome for the rollout of its version. A step before the new version was touched (backup, stop)
-- and a power cut say nothing about it.
create function private.record_outcome(p_instance text, p_report jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_succeeded boolean := p_report ->> 'outcome' = 'succeeded';
begin
  if p_report ->> 'kind' <> 'openclaw_update' then return; end if;
  if not v_succeeded then
    if p_report ->> 'failedStep' in ('backup', 'stop', 'power_cut') then return; end if;
    -- The owner went back by choice.
    if p_report ->> 'outcome' = 'rolled_back' and p_report ->> 'failedStep' is null then return; end if;
  end if;
  insert into public.rollout_outcomes as known (version, instance_id, succeeded)
  select r.version, p_instance, v_succeeded from public.rollouts r where r.version = p_report ->> 'to'
  on conflict (version, instance_id) do update set succeeded = excluded.succeeded, at = excluded.at
    where known.at < (select counted_from from public.rollouts r where r.version = known.version);
end $$;

-- What the api offers: every rollout that is not halted, with its release, the latest started first; at most 20.
create function public.machine_channel() returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'version', c.version, 'stage', c.stage, 'integrity', c.integrity, 'changelog', c.changelog,
    'releasedAt', c.released_at) order by c.started_at desc, c.version), '[]')
  from (
    select r.version, r.stage, r.started_at, o.integrity, o.changelog, o.released_at
    from public.rollouts r join public.openclaw_releases o using (version)
    where r.state <> 'halted' order by r.started_at desc, r.version limit 20) as c
$$;

create function public.provisioner_publish_release(p_release jsonb, p_stage text) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_known public.openclaw_releases;
begin
  insert into public.openclaw_releases (version, integrity, changelog, released_at)
  values (p_release ->> 'version', p_release ->> 'integrity', p_release ->> 'changelog',
    (p_release ->> 'releasedAt')::timestamptz)
  on conflict (version) do nothing;
  if found then
    insert into public.rollouts (version, stage) values (p_release ->> 'version', p_stage);
    return true;
  end if;
  select * into v_known from public.openclaw_releases where version = p_release ->> 'version';
  if v_known.integrity <> p_release ->> 'integrity' then
    perform private.refuse(409, 'conflict', jsonb_build_object('what', 'release'));
  end if;
  -- The changelog may be mended; the package may not.
  update public.openclaw_releases set changelog = p_release ->> 'changelog' where version = v_known.version;
  return false;
end $$;

-- Rollouts, the latest first, with what counts: outcomes in their order, and those of the present stage; the fleet are
-- the instances an offer can reach.
create function public.provisioner_rollouts(p_running boolean) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'version', r.version, 'stage', r.stage, 'state', r.state, 'reason', r.reason,
    'startedAt', r.started_at, 'stageAt', r.stage_at,
    'outcomes', coalesce((
      select jsonb_agg(o.succeeded order by o.at, o.instance_id) from (
        select succeeded, at, instance_id from public.rollout_outcomes
        where version = r.version and at >= r.counted_from order by at desc, instance_id desc limit 20000) as o), '[]'),
    'stageSucceeded', (
      select count(*) from public.rollout_outcomes where version = r.version and at >= r.stage_at and succeeded),
    'stageFailed', (
      select count(*) from public.rollout_outcomes where version = r.version and at >= r.stage_at and not succeeded),
    'fleet', (select count(*) from public.instances where state = 'ready' and ejected_at is null))
    order by r.started_at desc, r.version), '[]')
  from (
    select * from public.rollouts where state = 'running' or not p_running
    order by started_at desc, version limit 20) as r
$$;

-- Moves a rollout from what the caller has seen; false when somebody else was first.
create function public.provisioner_move_rollout(
  p_version text, p_from_state text, p_from_stage text, p_state text, p_stage text, p_reason text
) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update public.rollouts set
    state = p_state, stage = p_stage, reason = p_reason,
    stage_at = case when stage <> p_stage or state = 'halted' then clock_timestamp() else stage_at end,
    counted_from = case when state = 'halted' and p_state = 'running' then clock_timestamp() else counted_from end
  where version = p_version and state = p_from_state and stage = p_from_stage;
  return found;
end $$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
revoke execute on function public.machine_channel() from public, anon, authenticated;
grant execute on function public.machine_channel() to service_role;
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
