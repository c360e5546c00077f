-- The product's tables. An owner's token reads its own rows and writes none: every change is a function (later files).
-- A table whose name ends in _secrets or _tokens has row-level security and no policy: no token of an owner sees a row.

create schema private;
comment on schema private is 'Functions that only other functions call; not exposed.';
revoke all on schema private from public;

create table public.owners (
  id text primary key check (char_length(id) between 1 and 200),
  email text check (char_length(email) <= 320),
  created_at timestamptz not null default now()
);

create table public.intake_keys (
  kid text primary key check (char_length(kid) between 1 and 64),
  public_key text not null check (char_length(public_key) = 43),
  published_at timestamptz not null default clock_timestamp()
);

create table public.credentials (
  id text primary key check (id ~ '^crd_[0-9a-z]{24}$'),
  owner_id text not null references public.owners (id),
  provider text not null check (char_length(provider) between 1 and 40),
  name text not null check (char_length(name) between 1 and 60),
  state text not null default 'verifying' check (state in ('verifying', 'ready', 'rejected')),
  account jsonb check (octet_length(account::text) <= 4000),
  missing jsonb not null default '[]' check (octet_length(missing::text) <= 100000),
  failure jsonb check (octet_length(failure::text) <= 40000),
  key_version integer check (key_version > 0),
  request_hash text not null check (char_length(request_hash) = 64),
  created_at timestamptz not null default clock_timestamp(),
  verified_at timestamptz,
  -- A removed credential keeps its row: instances that were destroyed still name it.
  removed_at timestamptz
);
create index credentials_of_owner on public.credentials (owner_id, created_at desc) where removed_at is null;
create index credentials_to_verify on public.credentials (created_at) where state = 'verifying' and removed_at is null;

create table public.credential_secrets (
  credential_id text primary key references public.credentials (id),
  sealed jsonb check (octet_length(sealed::text) <= 200000),
  envelope jsonb check (octet_length(envelope::text) <= 600000)
);

create table public.catalogues (
  credential_id text primary key references public.credentials (id),
  owner_id text not null references public.owners (id),
  catalogue jsonb not null check (octet_length(catalogue::text) <= 4000000),
  fetched_at timestamptz not null
);

create table public.instances (
  id text primary key check (id ~ '^ins_[0-9a-z]{24}$'),
  owner_id text not null references public.owners (id),
  credential_id text not null references public.credentials (id),
  provider text not null check (char_length(provider) between 1 and 40),
  name text not null check (char_length(name) between 1 and 60),
  region text not null check (char_length(region) between 1 and 60),
  size text not null check (char_length(size) between 1 and 60),
  expected_monthly_price double precision not null check (expected_monthly_price >= 0),
  monthly_price double precision check (monthly_price >= 0),
  currency text check (char_length(currency) = 3),
  state text not null default 'queued' check (state in (
    'queued', 'preflight', 'creating', 'booting', 'installing', 'registering', 'ready',
    'failed', 'destroying', 'destroyed')),
  failure jsonb check (octet_length(failure::text) <= 60000),
  identity_public_key text check (char_length(identity_public_key) = 43),
  agent_public_key text check (char_length(agent_public_key) = 43),
  agent_version text check (char_length(agent_version) <= 100),
  openclaw_version text check (char_length(openclaw_version) <= 100),
  online boolean not null default false,
  tunnel_node text check (char_length(tunnel_node) <= 200),
  tunnel_epoch integer not null default 0,
  operation_id text,
  event_seq integer not null default 0,
  messages bigint not null default 0,
  bytes_up bigint not null default 0,
  bytes_down bigint not null default 0,
  request_hash text not null check (char_length(request_hash) = 64),
  created_at timestamptz not null default clock_timestamp(),
  booting_at timestamptz,
  ready_at timestamptz,
  destroyed_at timestamptz
);
create index instances_of_owner on public.instances (owner_id, created_at desc);
create index instances_of_credential on public.instances (credential_id) where state <> 'destroyed';
create index instances_booting on public.instances (booting_at) where state in ('booting', 'installing', 'registering');
create index instances_of_node on public.instances (tunnel_node) where online;

create table public.instance_secrets (
  instance_id text primary key references public.instances (id),
  enrolment jsonb check (octet_length(enrolment::text) <= 200000),
  stack_secret jsonb check (octet_length(stack_secret::text) <= 20000)
);

-- One row for each attempt at making the machine; using one uses all of them up.
create table public.registration_tokens (
  token_hash text primary key check (char_length(token_hash) between 20 and 100),
  instance_id text not null references public.instances (id),
  expires_at timestamptz not null,
  used_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
create index registration_tokens_of_instance on public.registration_tokens (instance_id);

create table public.operations (
  id text primary key check (id ~ '^opn_[0-9a-z]{24}$'),
  instance_id text not null references public.instances (id),
  owner_id text not null references public.owners (id),
  kind text not null check (kind in ('deploy', 'destroy')),
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed')),
  failure jsonb check (octet_length(failure::text) <= 60000),
  receipt jsonb check (octet_length(receipt::text) <= 200000),
  attempt integer not null default 0,
  lease_holder text check (char_length(lease_holder) between 1 and 200),
  -- Rises with every holder: what an earlier one still writes is refused.
  lease_epoch integer not null default 0,
  lease_expires_at timestamptz,
  engine_process jsonb check (octet_length(engine_process::text) <= 1000),
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  check ((state in ('succeeded', 'failed')) = (ended_at is not null)),
  check (state <> 'running' or (lease_holder is not null and lease_expires_at is not null))
);
create unique index operations_one_at_work on public.operations (instance_id) where state in ('queued', 'running');
create index operations_of_instance on public.operations (instance_id, created_at desc);
create index operations_to_do on public.operations (created_at) where state in ('queued', 'running');

alter table public.instances add constraint instances_operation
  foreign key (operation_id) references public.operations (id) deferrable initially deferred;

create table public.instance_events (
  instance_id text not null references public.instances (id),
  seq integer not null check (seq > 0),
  owner_id text not null references public.owners (id),
  operation_id text references public.operations (id),
  at timestamptz not null default clock_timestamp(),
  kind text not null check (kind in ('state', 'progress', 'resource', 'log', 'failure', 'receipt', 'tunnel')),
  data jsonb not null check (octet_length(data::text) <= 200000),
  primary key (instance_id, seq)
);

create table public.audit_events (
  position bigint generated always as identity primary key,
  id text not null unique check (id ~ '^evt_[0-9a-z]{24}$'),
  owner_id text not null check (char_length(owner_id) between 1 and 200),
  at timestamptz not null default clock_timestamp(),
  actor text not null check (char_length(actor) between 1 and 200),
  action text not null check (char_length(action) between 1 and 100),
  target text not null check (char_length(target) <= 200),
  outcome text not null check (outcome in ('allowed', 'denied', 'succeeded', 'failed')),
  detail jsonb not null default '{}' check (octet_length(detail::text) <= 10000)
);
create index audit_events_of_owner on public.audit_events (owner_id, position desc);

alter table public.owners enable row level security;
alter table public.intake_keys enable row level security;
alter table public.credentials enable row level security;
alter table public.credential_secrets enable row level security;
alter table public.catalogues enable row level security;
alter table public.instances enable row level security;
alter table public.instance_secrets enable row level security;
alter table public.registration_tokens enable row level security;
alter table public.operations enable row level security;
alter table public.instance_events enable row level security;
alter table public.audit_events enable row level security;

create policy owner_reads on public.owners for select to authenticated
  using (id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.credentials for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.catalogues for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.instances for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.operations for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.instance_events for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));
create policy owner_reads on public.audit_events for select to authenticated
  using (owner_id = (select auth.jwt() ->> 'sub'));

-- Legal changes of state, whoever asks for them.
create function private.guard_instance_state() returns trigger language plpgsql set search_path = '' as $$
declare
  v_order constant text[] :=
    array['queued', 'preflight', 'creating', 'booting', 'installing', 'registering', 'ready'];
  v_old integer := array_position(v_order, old.state);
  v_new integer := array_position(v_order, new.state);
begin
  if old.state = new.state
    -- On the way to ready: forward, or given up.
    or v_new > v_old
    or (v_old is not null and new.state = 'failed')
    -- While a deploy is at work (up to creating) nothing is destroyed.
    or (v_old >= array_position(v_order, 'booting') and new.state = 'destroying')
    -- A machine that was given up and comes alive after all, or is taken away.
    or (old.state = 'failed' and (v_new >= array_position(v_order, 'booting') or new.state = 'destroying'))
    or (old.state = 'destroying' and new.state in ('destroyed', 'failed'))
  then return new; end if;
  raise exception using errcode = 'PT409', message = 'conflict',
    detail = jsonb_build_object('from', old.state, 'to', new.state)::text;
end $$;
create trigger guard_state before update of state on public.instances
  for each row execute function private.guard_instance_state();

create function private.guard_operation_state() returns trigger language plpgsql set search_path = '' as $$
begin
  if old.state = new.state
    or (old.state = 'queued' and new.state = 'running')
    or (old.state = 'running' and new.state in ('succeeded', 'failed'))
  then return new; end if;
  raise exception using errcode = 'PT409', message = 'conflict',
    detail = jsonb_build_object('from', old.state, 'to', new.state)::text;
end $$;
create trigger guard_state before update of state on public.operations
  for each row execute function private.guard_operation_state();

create function private.guard_credential_state() returns trigger language plpgsql set search_path = '' as $$
begin
  if old.state = new.state or old.state = 'verifying' then return new; end if;
  raise exception using errcode = 'PT409', message = 'conflict',
    detail = jsonb_build_object('from', old.state, 'to', new.state)::text;
end $$;
create trigger guard_state before update of state on public.credentials
  for each row execute function private.guard_credential_state();
