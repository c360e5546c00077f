import type { Environment } from './env.ts';
import type { Properties, Value } from './values.ts';
import type { Waiting } from './waiting.ts';

/** What a call of the engine works with. */
export type Work<Client> = {
  readonly client: Client;
  readonly waiting: Waiting;
  /** Aborted by the engine's Cancel and by the call's own time limit. Stops waiting, not a request that writes. */
  readonly signal: AbortSignal;
  /** The time limit the program set for this resource, if it set one. */
  readonly limitMs?: number | undefined;
};

/** Tells the protocol what exists already, so that a failure afterwards keeps it in the state. */
export type Made = (id: string, state: Properties) => void;

/** A change of one property between the state and the program. */
export type Change = {
  readonly name: string;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
};

/**
 * One kind of resource. Inputs are complete (defaults filled in) and plain. What `create`, `read` and `update` return
 * is what the cloud says now; properties they leave out keep the program's value, or the state's.
 */
export type Resource<Client> = {
  readonly type: string;
  /** Filled in where the program says nothing, as the official provider does. */
  readonly defaults?: Properties;
  /** The property that gets the resource's name and seven random characters where the program gives none. */
  readonly autoname?: string;
  /** Required although the SDK's declarations call it optional. */
  readonly required?: readonly string[];
  /** Inputs that the cloud fills in where the program says nothing: no difference then. */
  readonly computed?: readonly string[];
  /** Objects of which only the parts that the program gives count: the cloud fills in the others. */
  readonly partial?: readonly string[];
  /** Lists without an order. */
  readonly sets?: readonly string[];
  /** How a property stands in the state, where that is not how the program gave it. */
  readonly stored?: Readonly<Record<string, (value: Value) => Value>>;
  /** Inputs whose change makes a new resource. */
  readonly replaces?: readonly string[];
  /** For changes that make a new resource only sometimes. */
  mustReplace?(change: Change): boolean;
  /** Changes that mean nothing to the cloud. */
  ignores?(change: Change): boolean;
  /** The official provider's own checks; a text says what is wrong with which property. */
  check?(inputs: Properties): { property: string; reason: string } | undefined;
  create(work: Work<Client>, inputs: Properties, made: Made): Promise<void>;
  /** Null when it is gone. The state is empty while it is being imported: nothing is known but the id. */
  read(work: Work<Client>, id: string, state: Properties): Promise<Properties | null>;
  /** Where an imported resource's id is not the cloud's. */
  imported?(work: Work<Client>, id: string): Promise<{ id: string; state: Properties }>;
  update?(
    work: Work<Client>,
    id: string,
    now: { inputs: Properties; state: Properties; changed: ReadonlySet<string> },
  ): Promise<Properties>;
  delete(work: Work<Client>, id: string, state: Properties): Promise<void>;
};

/** A question of a program that makes nothing. */
export type Question<Client> = {
  readonly token: string;
  answer(work: Work<Client>, inputs: Properties): Promise<Properties>;
};

/** Everything one plugin serves. */
export type Provider<Client> = {
  readonly name: string;
  /** Raises an error that names what is missing in the provider's arguments. */
  connect(args: Properties, surroundings: { environment: Environment; imitateWaits: boolean }): Client;
  readonly resources: readonly Resource<Client>[];
  readonly questions?: readonly Question<Client>[];
};
