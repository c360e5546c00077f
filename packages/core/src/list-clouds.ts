import type { Cloud, CloudList } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** What an installation has on offer, from its configuration. */
export interface Offering {
  readonly clouds: readonly Cloud[];
  /** Where its requests to clouds come from; empty when its operator has not said. */
  readonly egressAddresses: readonly string[];
  /** What else the descriptors' texts name by a placeholder, e.g. the platform's own account at a cloud. */
  readonly facts?: Readonly<Record<string, string>>;
}

const unknownAddresses = 'the addresses that this installation calls from (its operator knows them)';

/** The clouds on offer, with what is the owner's own and the platform's own filled in where their texts name it. */
export async function listClouds(context: OwnerContext, offering: Offering): Promise<CloudList> {
  const externalId = await asOwner(context).externalId();
  const { clouds, egressAddresses, facts = {} } = offering;
  const values: Record<string, string> = {
    ...facts,
    externalId,
    egressAddresses: sentenceOf(egressAddresses) ?? unknownAddresses,
  };
  return { clouds: clouds.map((cloud) => followable(filled(cloud, values))), externalId };
}

/** Without the ways that nobody could follow here, because they name what the operator has not said. */
function followable(cloud: Cloud): Cloud {
  const isOpen = ({ steps, links, policy }: Cloud['methods'][number]): boolean =>
    /\{[a-z]\w*\}/.test([...steps, ...links.map(({ href }) => href), policy?.text ?? ''].join('\n'));
  const methods = cloud.methods.filter((method) => !isOpen(method));
  return methods.length > 0 ? { ...cloud, methods } : cloud;
}

/** "1.2.3.4", "1.2.3.4 and 1.2.3.5", "1.2.3.4, 1.2.3.5 and 1.2.3.6"; null for none. */
function sentenceOf(words: readonly string[]): string | null {
  const last = words.at(-1);
  if (last === undefined) return null;
  return words.length === 1 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}

/** A copy in which every text has its placeholders filled; one that isn't known stays as it is. */
function filled<T>(value: T, values: Readonly<Record<string, string>>): T {
  const fill = (one: unknown): unknown => {
    if (typeof one === 'string') return one.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
    if (Array.isArray(one)) return one.map(fill);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(
      // A pattern has braces of its own.
      Object.entries(one).map(([key, inner]) => [key, key === 'pattern' ? inner : fill(inner)]),
    );
  };
  return fill(value) as T;
}
