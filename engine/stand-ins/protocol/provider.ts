import * as grpc from '@grpc/grpc-js';
import type {
  CheckRequest,
  ConfigureRequest,
  CreateRequest,
  DeleteRequest,
  DiffRequest,
  InvokeRequest,
  ReadRequest,
  UpdateRequest,
} from '@pulumi/pulumi/proto/provider_pb.js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import empties from 'google-protobuf/google/protobuf/empty_pb.js';
import { decoded } from './arguments.ts';
import { coerced, type Failure, failuresOf } from './check.ts';
import { differencesOf, storedValue } from './differences.ts';
import type { Environment } from './env.ts';
import { PartlyMade } from './partly-made.ts';
import type { ResourceShape, SdkShape } from './properties.ts';
import type { Provider, Resource, Work } from './resource.ts';
import { fromStruct, toStruct } from './structs.ts';
import { isUnknown, isZero, type Properties, unknownValue, unwrap, wrap } from './values.ts';
import type { Waiting } from './waiting.ts';

/** No resource here takes longer on its own cloud; the official providers allow an hour and more. */
const callLimitMs = 60 * 60_000;
const nameCharacters = 7;

export type ProviderOptions = {
  readonly environment: Environment;
  readonly waiting: Waiting;
};

type Served<Client> = { readonly resource: Resource<Client>; readonly shape: ResourceShape };
type Ask = { getUrn(): string };

const typeOf = (urn: string) => urn.split('::')[2]?.split('$').at(-1) ?? '';
const nameOf = (urn: string) => urn.split('::').slice(3).join('::');

/** The engine's questions to one plugin, answered by its resources. Knows no transport: `serve` adds that. */
export function createProvider<Client>(provider: Provider<Client>, sdk: SdkShape, options: ProviderOptions) {
  const byType = new Map<string, Served<Client>>();
  for (const resource of provider.resources) {
    const shape = sdk.resources[resource.type];
    if (!shape) throw new Error(`${sdk.package} has no ${resource.type}`);
    byType.set(resource.type, { resource, shape });
  }
  const cancelled = new AbortController();
  let client: Client | undefined;

  function served(request: Ask): Served<Client> {
    const type = typeOf(request.getUrn());
    const found = byType.get(type);
    if (!found) throw new Error(`the stand-in for ${sdk.package} does not know ${type}`);
    return found;
  }

  function work(timeoutSeconds = 0): Work<Client> {
    if (client === undefined) throw new Error('the provider is not configured');
    const limit = AbortSignal.timeout(timeoutSeconds > 0 ? timeoutSeconds * 1000 : callLimitMs);
    return {
      client,
      waiting: options.waiting,
      signal: AbortSignal.any([limit, cancelled.signal]),
      limitMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : undefined,
    };
  }

  /** Inputs as they stand in the state, with what the cloud says over them. */
  function stateOf({ resource }: Served<Client>, base: Properties, inputs: Properties, said: Properties) {
    const state: Properties = { ...base };
    for (const [name, value] of Object.entries(inputs)) {
      if (!name.startsWith('__')) state[name] = storedValue(resource, name, value) ?? null;
    }
    return { ...state, ...said };
  }

  /** What the program would have had to say for this state. */
  function inputsOf({ resource, shape }: Served<Client>, state: Properties): Properties {
    const inputs: Properties = {};
    for (const name of Object.keys(shape.inputs)) {
      const value = state[name];
      if (value !== undefined && !isZero(value)) inputs[name] = value;
    }
    return { ...resource.defaults, ...inputs };
  }

  return {
    cancel: () => cancelled.abort(new Error('the operation was cancelled')),

    checkConfig(request: CheckRequest) {
      const { values } = unwrap(fromStruct(request.getNews()));
      const response = new messages.CheckResponse();
      // Arguments of a provider that aren't text arrive as JSON.
      const failures = failuresOf(decoded(values), sdk.provider, nameOf(request.getUrn()) || 'provider');
      response.setInputs(request.getNews());
      response.setFailuresList(failures.map(toFailure));
      return response;
    },

    diffConfig(request: DiffRequest) {
      const before = unwrap(fromStruct(request.getOldInputs() ?? request.getOlds())).values;
      const after = unwrap(fromStruct(request.getNews())).values;
      const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
      const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
      const response = new messages.DiffResponse();
      const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
      response.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
      response.setDiffsList(changed);
      return response;
    },

    configure(request: ConfigureRequest) {
      const args = decoded(unwrap(fromStruct(request.getArgs())).values);
      // A preview may not know the arguments yet; nothing is asked of the cloud then.
      if (!Object.values(args).some(isUnknown)) {
        client = provider.connect(args, {
          environment: options.environment,
          imitateWaits: options.waiting.imitate,
        });
      }
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    },

    check(request: CheckRequest) {
      const { resource, shape } = served(request);
      const { values, secrets } = unwrap(fromStruct(request.getNews()));
      const olds = unwrap(fromStruct(request.getOlds())).values;
      const inputs: Properties = { ...coerced(values, shape.inputs) };
      for (const [name, value] of Object.entries(resource.defaults ?? {})) {
        if (inputs[name] === undefined || inputs[name] === null) inputs[name] = value;
      }
      const { autoname } = resource;
      if (autoname && (inputs[autoname] === undefined || inputs[autoname] === null)) {
        const seed = Buffer.from(request.getRandomseed_asU8()).toString('hex').slice(0, nameCharacters);
        inputs[autoname] = olds[autoname] ?? `${nameOf(request.getUrn())}-${seed}`;
      }
      const failures = failuresOf(inputs, shape.inputs, nameOf(request.getUrn()), resource.required);
      const further = failures.length === 0 ? resource.check?.(inputs) : undefined;
      const response = new messages.CheckResponse();
      response.setInputs(toStruct(wrap(inputs, secrets)));
      response.setFailuresList([...failures, ...(further ? [further] : [])].map(toFailure));
      return response;
    },

    diff(request: DiffRequest) {
      const { resource, shape } = served(request);
      const state = unwrap(fromStruct(request.getOlds())).values;
      const inputs = unwrap(fromStruct(request.getNews())).values;
      const ignored = request.getIgnorechangesList();
      const { changed, replaced } = differencesOf(resource, shape.inputs, { state, inputs, ignored });
      const response = new messages.DiffResponse();
      const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
      response.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
      response.setDiffsList(changed.map(({ name }) => name));
      response.setReplacesList([...replaced]);
      response.setHasdetaileddiff(true);
      const kinds = messages.PropertyDiff.Kind;
      for (const { name, before, after } of changed) {
        const difference = new messages.PropertyDiff();
        const kind = isZero(before) ? 'ADD' : isZero(after) ? 'DELETE' : 'UPDATE';
        difference.setKind(replaced.includes(name) ? kinds[`${kind}_REPLACE`] : kinds[kind]);
        response.getDetaileddiffMap().set(name, difference);
      }
      return response;
    },

    async create(request: CreateRequest) {
      const known = served(request);
      const { values: inputs, secrets } = unwrap(fromStruct(request.getProperties()));
      const response = new messages.CreateResponse();
      if (request.getPreview()) {
        response.setProperties(toStruct(wrap(previewed(known, stateOf(known, {}, inputs, {})), secrets)));
        return response;
      }
      let id = '';
      let state: Properties = stateOf(known, {}, inputs, {});
      try {
        await known.resource.create(work(request.getTimeout()), inputs, (madeId, said) => {
          id = madeId;
          state = stateOf(known, state, {}, said);
        });
      } catch (error) {
        if (id === '') throw error;
        throw new PartlyMade(error, id, toStruct(wrap(state, secrets)), toStruct(wrap(inputs, secrets)));
      }
      response.setId(id);
      response.setProperties(toStruct(wrap(state, secrets)));
      return response;
    },

    async read(request: ReadRequest) {
      const known = served(request);
      const old = unwrap(fromStruct(request.getProperties()));
      const oldInputs = unwrap(fromStruct(request.getInputs()));
      const importing = Object.keys(old.values).length === 0;
      const current = work(request.getTimeout());
      const { imported } = known.resource;
      const found =
        importing && imported
          ? await imported(current, request.getId())
          : { id: request.getId(), state: old.values };
      const response = new messages.ReadResponse();
      const said = await known.resource.read(current, found.id, found.state);
      if (said === null) return response;
      const state = { ...found.state, ...said };
      const secrets = new Set([...old.secrets, ...oldInputs.secrets]);
      const inputs = importing ? inputsOf(known, state) : refreshed(known, oldInputs.values, state);
      response.setId(found.id);
      response.setProperties(toStruct(wrap(state, secrets)));
      response.setInputs(toStruct(wrap(inputs, secrets)));
      return response;
    },

    async update(request: UpdateRequest) {
      const known = served(request);
      const olds = unwrap(fromStruct(request.getOlds()));
      const { values: inputs, secrets } = unwrap(fromStruct(request.getNews()));
      const ignored = request.getIgnorechangesList();
      const { changed } = differencesOf(known.resource, known.shape.inputs, {
        state: olds.values,
        inputs,
        ignored,
      });
      const response = new messages.UpdateResponse();
      // Nothing to change is nothing to do: so a resource whose making was interrupted counts as well afterwards.
      const planned = changed.length === 0 ? olds.values : stateOf(known, olds.values, inputs, {});
      if (request.getPreview() || changed.length === 0) {
        response.setProperties(toStruct(wrap(planned, secrets)));
        return response;
      }
      const { update } = known.resource;
      if (!update) throw new Error(`${known.resource.type} can't be changed in place`);
      const said = await update(work(request.getTimeout()), request.getId(), {
        inputs,
        state: olds.values,
        changed: new Set(changed.map(({ name }) => name)),
      });
      response.setProperties(toStruct(wrap({ ...planned, ...said }, secrets)));
      return response;
    },

    async delete(request: DeleteRequest) {
      const { resource } = served(request);
      const state = unwrap(fromStruct(request.getProperties())).values;
      await resource.delete(work(request.getTimeout()), request.getId(), state);
      return new empties.Empty();
    },

    async invoke(request: InvokeRequest) {
      const question = provider.questions?.find(({ token }) => token === request.getTok());
      const shape = sdk.functions[request.getTok()];
      if (!question || !shape) {
        throw new Error(`the stand-in for ${sdk.package} does not know ${request.getTok()}`);
      }
      const inputs = coerced(unwrap(fromStruct(request.getArgs())).values, shape.inputs);
      const response = new messages.InvokeResponse();
      const failures = failuresOf(inputs, shape.inputs, request.getTok());
      response.setFailuresList(failures.map(toFailure));
      if (failures.length === 0) response.setReturn(toStruct(await question.answer(work(), inputs)));
      return response;
    },
  };

  /** The program's inputs, at the values the cloud has now. */
  function refreshed({ resource, shape }: Served<Client>, inputs: Properties, state: Properties): Properties {
    const fresh: Properties = {};
    for (const [name, value] of Object.entries(inputs)) {
      const current = state[name];
      const kept = name.startsWith('__') || current === undefined || resource.stored?.[name] !== undefined;
      fresh[name] = kept ? value : current;
    }
    // What someone added by hand and the program leaves out: the next difference is to take it away.
    for (const name of Object.keys(shape.inputs)) {
      if (fresh[name] !== undefined || isZero(state[name])) continue;
      if (!resource.computed?.includes(name) && resource.stored?.[name] === undefined) {
        fresh[name] = state[name] ?? null;
      }
    }
    return fresh;
  }

  function previewed({ shape }: Served<Client>, state: Properties): Properties {
    const known: Properties = { ...state };
    for (const name of Object.keys(shape.state)) known[name] ??= unknownValue;
    return known;
  }
}

export type ServedProvider = ReturnType<typeof createProvider>;

function toFailure({ property, reason }: Failure) {
  const failure = new messages.CheckFailure();
  failure.setProperty(property);
  failure.setReason(reason);
  return failure;
}

/** What the engine is told of a failure; in the words of the official providers. */
export function toServiceError(error: unknown): Partial<grpc.StatusObject> {
  const message = error instanceof Error ? error.message : String(error);
  const details = `1 error occurred:\n\t* ${message}\n\n`;
  const metadata = error instanceof PartlyMade ? error.metadata(details) : new grpc.Metadata();
  return { code: grpc.status.UNKNOWN, details, metadata };
}
