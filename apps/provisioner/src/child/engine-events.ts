import { type CloudResourceKind, cloudResourceKinds } from '@claw-cloud/providers';
import type { EngineEvent, StepEventMetadata } from '@pulumi/pulumi/automation/index.js';
import type { OperationParts } from './parts.ts';

/** What a resource event says of a thing in the cloud; `receipt` reads it back. */
export interface ResourceFact {
  readonly op: 'create' | 'adopt' | 'delete';
  readonly kind: string;
  readonly name: string;
  readonly status: 'started' | 'finished' | 'failed';
  readonly id: string | null;
}

const maxEvents = 200;
const maxErrors = 20;
const maxErrorChars = 4_000;

const ops: Record<string, ResourceFact['op'] | undefined> = {
  create: 'create',
  'create-replacement': 'create',
  import: 'adopt',
  'import-replacement': 'adopt',
  delete: 'delete',
  'delete-replaced': 'delete',
};

/**
 * Programs call each thing by its kind: `…::server` is a `server`, whatever the cloud's own word. Null for providers, the
 * stack itself and what only ties two things together: they are no things in the cloud.
 */
export function kindOf({ type, urn }: Pick<StepEventMetadata, 'type' | 'urn'>): CloudResourceKind | null {
  if (type.startsWith('pulumi:')) return null;
  const name = urn.split('::').at(-1)?.replaceAll('-', '_');
  return cloudResourceKinds.find((kind) => kind === name) ?? null;
}

function nameOf(step: StepEventMetadata): string {
  const state = step.new ?? step.old;
  const name: unknown = state?.outputs?.name ?? state?.inputs?.name;
  return typeof name === 'string' && name !== ''
    ? name.slice(0, 100)
    : (step.urn.split('::').at(-1) ?? '').slice(0, 100);
}

export interface EngineEars {
  readonly onEvent: (event: EngineEvent) => void;
  /** What the engine called errors, redacted, for `explain` and the log; bounded. */
  errors(): string;
  /** Resolves when everything heard so far is written down; raises what the writing raised. */
  settled(): Promise<void>;
}

/** The plugin whose own resource an event is about: `hcloud` for `pulumi:providers:hcloud`; null for all others. */
export const pluginOf = ({ type }: Pick<StepEventMetadata, 'type'>): string | null =>
  /^pulumi:providers:([\w-]+)$/.exec(type)?.[1] ?? null;

/**
 * Turns the engine's events into the instance's. Only operations, kinds, names and ids are passed on: the debug
 * diagnostics of the engine hold inputs in clear.
 */
export function listenToEngine({
  notes,
  redactor,
  log,
  pluginAtWork,
}: Pick<OperationParts, 'notes' | 'redactor' | 'log' | 'pluginAtWork'>): EngineEars {
  let chain: Promise<void> = Promise.resolve();
  let failure: unknown;
  let count = 0;
  const errors: string[] = [];

  function tell(step: StepEventMetadata, status: ResourceFact['status']): void {
    const plugin = pluginOf(step);
    if (plugin !== null) pluginAtWork(plugin);
    const kind = kindOf(step);
    const op = ops[step.op];
    if (kind === null || op === undefined || count >= maxEvents) return;
    count += 1;
    const id = (step.op.startsWith('delete') ? step.old?.id : (step.new?.id ?? step.old?.id)) || null;
    const fact: ResourceFact = { op, kind, name: nameOf(step), status, id };
    chain = chain
      .then(() => notes.appendEvent('resource', { ...fact }))
      .catch((error: unknown) => {
        failure ??= error;
      });
  }

  return {
    onEvent(event) {
      if (event.resourcePreEvent) tell(event.resourcePreEvent.metadata, 'started');
      if (event.resOutputsEvent) tell(event.resOutputsEvent.metadata, 'finished');
      if (event.resOpFailedEvent) tell(event.resOpFailedEvent.metadata, 'failed');
      const said = event.diagnosticEvent;
      if (said?.severity !== 'error' || errors.length >= maxErrors) return;
      const text = redactor.clean(said.message.trim(), maxErrorChars);
      errors.push(text);
      log('warn', 'the engine reports an error', { text: text.slice(0, 1000) });
    },
    errors: () => errors.join('\n'),
    async settled() {
      await chain;
      if (failure !== undefined) throw failure;
    },
  };
}
