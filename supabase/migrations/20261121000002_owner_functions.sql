-- What an owner's token may do. Refusals raise PTnnn with a code of the closed error list as the message.

create function private.refuse(p_status integer, p_code text, p_detail jsonb default '{}') returns void
language plpgsql set search_path = '' as $$
begin
  raise exception using errcode = 'PT' || p_status, message = p_code, detail = p_detail::text;
end $$;

-- The second fence: the token must be the one of the owner the caller names.
create function private.require_owner(p_owner text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if p_owner is null or p_owner = '' or (select auth.jwt() ->> 'sub') is distinct from p_owner then
    perform private.refuse(403, 'forbidden');
  end if;
end $$;

create function private.hash_of(p_input jsonb) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to(p_input::text, 'UTF8')), 'hex')
$$;

create function private.audit(
  p_owner text, p_actor text, p_action text, p_target text, p_outcome text, p_detail jsonb
) returns void
language sql set search_path = '' as $$
  -- The first 12 hex digits of a random UUID are all random: 96 bits from two of them.
  insert into public.audit_events (id, owner_id, actor, action, target, outcome, detail)
  values (
    'evt_' || left(replace(gen_random_uuid()::text, '-', ''), 12) || left(replace(gen_random_uuid()::text, '-', ''), 12),
    p_owner, p_actor, p_action, p_target, p_outcome, jsonb_strip_nulls(coalesce(p_detail, '{}'))
  )
$$;

-- The row lock of the instance is held to the end of the transaction, so seq has no gaps and is seen in order.
create function private.append_event(p_instance text, p_operation text, p_kind text, p_data jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
  v_seq integer;
  v_owner text;
begin
  select event_seq, owner_id into v_seq, v_owner from public.instances where id = p_instance for update;
  -- Chatter has an end; what a person must see has none.
  if v_seq >= 20000 and p_kind in ('progress', 'resource', 'log', 'tunnel') then return v_seq; end if;
  update public.instances set event_seq = v_seq + 1 where id = p_instance;
  insert into public.instance_events (instance_id, seq, owner_id, operation_id, kind, data)
  values (p_instance, v_seq + 1, v_owner, p_operation, p_kind, p_data);
  return v_seq + 1;
end $$;

create function public.owner_ensure(p_owner text, p_email text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_owner(p_owner);
  insert into public.owners (id, email) values (p_owner, p_email)
  on conflict (id) do update set email = excluded.email
  where excluded.email is not null and owners.email is distinct from excluded.email;
end $$;

create function public.owner_add_credential(p_owner text, p_input jsonb, p_request_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.credentials;
  v_created boolean;
begin
  perform private.require_owner(p_owner);
  insert into public.owners (id) values (p_owner) on conflict (id) do nothing;
  insert into public.credentials (id, owner_id, provider, name, request_hash)
  values (p_input ->> 'id', p_owner, p_input ->> 'provider', p_input ->> 'name', private.hash_of(p_input))
  on conflict (id) do nothing returning * into v_row;
  v_created := found;
  if v_created then
    insert into public.credential_secrets (credential_id, sealed) values (v_row.id, p_input -> 'sealed');
    perform private.audit(p_owner, p_owner, 'credential.add', v_row.id, 'succeeded',
      jsonb_build_object('provider', v_row.provider, 'name', v_row.name, 'requestId', p_request_id));
  else
    select * into v_row from public.credentials where id = p_input ->> 'id';
    if v_row.owner_id <> p_owner or v_row.removed_at is not null or v_row.request_hash <> private.hash_of(p_input) then
      perform private.refuse(409, 'conflict', jsonb_build_object('what', 'credential'));
    end if;
  end if;
  return jsonb_build_object('credential', to_jsonb(v_row), 'created', v_created);
end $$;

create function public.owner_remove_credential(p_owner text, p_credential text, p_request_id text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_names jsonb;
begin
  perform private.require_owner(p_owner);
  perform from public.credentials
    where id = p_credential and owner_id = p_owner and removed_at is null for update;
  if not found then perform private.refuse(404, 'not_found'); end if;
  select jsonb_agg(name) into v_names from (
    select name from public.instances
    where credential_id = p_credential and state <> 'destroyed' order by created_at limit 5
  ) as used;
  if v_names is not null then
    perform private.refuse(409, 'credential_in_use', jsonb_build_object('instances', v_names));
  end if;
  delete from public.credential_secrets where credential_id = p_credential;
  delete from public.catalogues where credential_id = p_credential;
  update public.credentials set removed_at = clock_timestamp(), account = null, key_version = null
    where id = p_credential;
  perform private.audit(p_owner, p_owner, 'credential.remove', p_credential, 'succeeded',
    jsonb_build_object('requestId', p_request_id));
end $$;

create function public.owner_deploy(p_owner text, p_input jsonb, p_operation text, p_request_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_credential public.credentials;
  v_instance public.instances;
  v_operation public.operations;
  -- Sealing again gives other bytes each time: the box says nothing about whether it is the same request.
  v_hash text := private.hash_of(p_input - 'enrolment');
begin
  perform private.require_owner(p_owner);

  -- The same request again gets the same answer, whatever has become of its credential since.
  select * into v_instance from public.instances where id = p_input ->> 'id';
  if not found then
    -- Shared lock: the credential can't be removed between this check and the commit.
    select * into v_credential from public.credentials
      where id = p_input ->> 'credentialId' and owner_id = p_owner and removed_at is null for share;
    if not found then perform private.refuse(404, 'not_found', jsonb_build_object('what', 'credential')); end if;
    if v_credential.state = 'verifying' then
      perform private.refuse(409, 'credential_not_ready', jsonb_build_object('name', v_credential.name));
    elsif v_credential.state = 'rejected' then
      perform private.refuse(422, 'credential_rejected', jsonb_build_object('name', v_credential.name));
    end if;

    insert into public.instances (
      id, owner_id, credential_id, provider, name, region, size,
      expected_monthly_price, monthly_price, currency, operation_id, request_hash)
    select p_input ->> 'id', p_owner, v_credential.id, v_credential.provider,
      p_input ->> 'name', p_input ->> 'region', p_input ->> 'size',
      (p_input ->> 'expectedMonthlyPrice')::double precision, (p_input ->> 'expectedMonthlyPrice')::double precision,
      (select catalogue ->> 'currency' from public.catalogues where credential_id = v_credential.id),
      p_operation, v_hash
    on conflict (id) do nothing returning * into v_instance;

    if found then
      insert into public.instance_secrets (instance_id, enrolment) values (v_instance.id, p_input -> 'enrolment');
      insert into public.operations (id, instance_id, owner_id, kind)
      values (p_operation, v_instance.id, p_owner, 'deploy') returning * into v_operation;
      perform private.append_event(v_instance.id, p_operation, 'state', jsonb_build_object('state', 'queued'));
      perform private.audit(p_owner, p_owner, 'instance.deploy', v_instance.id, 'allowed', jsonb_build_object(
        'operationId', p_operation, 'credentialId', v_credential.id, 'provider', v_credential.provider,
        'region', v_instance.region, 'size', v_instance.size, 'requestId', p_request_id));
      return jsonb_build_object('instance', to_jsonb(v_instance), 'operation', to_jsonb(v_operation), 'created', true);
    end if;
    -- Somebody was faster by a moment; the insert has waited for the commit.
    select * into v_instance from public.instances where id = p_input ->> 'id';
  end if;

  if v_instance.owner_id <> p_owner or v_instance.request_hash <> v_hash then
    perform private.refuse(409, 'conflict', jsonb_build_object('what', 'instance'));
  end if;
  select * into v_operation from public.operations
    where instance_id = v_instance.id and kind = 'deploy' order by created_at limit 1;
  return jsonb_build_object('instance', to_jsonb(v_instance), 'operation', to_jsonb(v_operation), 'created', false);
end $$;

create function public.owner_destroy(p_owner text, p_instance text, p_operation text, p_request_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_instance public.instances;
  v_operation public.operations;
begin
  perform private.require_owner(p_owner);
  select * into v_instance from public.instances where id = p_instance and owner_id = p_owner for update;
  if not found then perform private.refuse(404, 'not_found'); end if;

  select * into v_operation from public.operations
    where instance_id = p_instance and state in ('queued', 'running');
  if found then
    if v_operation.kind = 'deploy' then
      perform private.refuse(409, 'instance_busy', jsonb_build_object('name', v_instance.name));
    end if;
    return to_jsonb(v_operation);
  end if;
  if v_instance.state = 'destroyed' then
    select * into v_operation from public.operations
      where instance_id = p_instance and kind = 'destroy' order by created_at desc limit 1;
    return to_jsonb(v_operation);
  end if;

  insert into public.operations (id, instance_id, owner_id, kind)
  values (p_operation, p_instance, p_owner, 'destroy') returning * into v_operation;
  update public.instances set state = 'destroying', failure = null, operation_id = p_operation where id = p_instance;
  -- From here on no machine of this instance is let in any more.
  delete from public.registration_tokens where instance_id = p_instance;
  update public.instance_secrets set enrolment = null where instance_id = p_instance;
  perform private.append_event(p_instance, p_operation, 'state', jsonb_build_object('state', 'destroying'));
  perform private.audit(p_owner, p_owner, 'instance.destroy', p_instance, 'allowed',
    jsonb_build_object('operationId', p_operation, 'requestId', p_request_id));
  return to_jsonb(v_operation);
end $$;

create function public.owner_record_denied(
  p_owner text, p_action text, p_target text, p_detail jsonb, p_request_id text
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_owner(p_owner);
  perform private.audit(p_owner, p_owner, p_action, p_target, 'denied',
    coalesce(p_detail, '{}') || jsonb_build_object('requestId', p_request_id));
end $$;

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
revoke execute on function
  public.owner_ensure(text, text),
  public.owner_add_credential(text, jsonb, text),
  public.owner_remove_credential(text, text, text),
  public.owner_deploy(text, jsonb, text, text),
  public.owner_destroy(text, text, text, text),
  public.owner_record_denied(text, text, text, jsonb, text)
from public, anon, service_role;
grant execute on function
  public.owner_ensure(text, text),
  public.owner_add_credential(text, jsonb, text),
  public.owner_remove_credential(text, text, text),
  public.owner_deploy(text, jsonb, text, text),
  public.owner_destroy(text, text, text, text),
  public.owner_record_denied(text, text, text, jsonb, text)
to authenticated;
