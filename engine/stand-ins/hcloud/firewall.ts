import type { Resource, Work } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { found, type Hetzner, isRefusal, waitForActions } from './client.ts';

const pathOf = (id: string, action = '') => `/firewalls/${id}${action === '' ? '' : `/actions/${action}`}`;
const deleteTries = 10;

/** A firewall. Without a rule for inbound traffic it drops all of it. */
export const firewall: Resource<Hetzner> = {
  type: 'hcloud:index/firewall:Firewall',
  autoname: 'name',
  computed: ['applyTos'],
  sets: ['applyTos', 'rules'],

  async create(work, inputs, made) {
    const body: Properties = { name: text(inputs.name) };
    if (!isZero(inputs.labels)) body.labels = object(inputs.labels);
    if (!isZero(inputs.rules)) body.rules = objects(inputs.rules).map(ruleRequest);
    if (!isZero(inputs.applyTos)) body.apply_to = objects(inputs.applyTos).map(resourceRequest);
    const answer = await work.client.call('POST', '/firewalls', work.signal, body);
    const id = text(object(answer.firewall).id);
    made(id, {});
    await waitForActions(work, objects(answer.actions));
    const said = await firewall.read(work, id, {});
    if (said) made(id, said);
  },

  async read({ client, signal }, id) {
    const answer = await found(client.call('GET', pathOf(id), signal));
    return answer && stateOf(object(answer.firewall));
  },

  async update(work, id, { inputs, state, changed }) {
    const { client, signal } = work;
    await client.call('GET', pathOf(id), signal);
    if (changed.has('name')) await client.call('PUT', pathOf(id), signal, { name: text(inputs.name) });
    // The upstream provider sends rules only where the program has some: it can't take the last one away.
    if (changed.has('rules') && !isZero(inputs.rules)) {
      const rules = objects(inputs.rules).map(ruleRequest);
      const answer = await client.call('POST', pathOf(id, 'set_rules'), signal, { rules });
      await waitForActions(work, objects(answer.actions));
    }
    if (changed.has('labels'))
      await client.call('PUT', pathOf(id), signal, { labels: object(inputs.labels) });
    if (changed.has('applyTos'))
      await syncApplied(work, id, objects(state.applyTos), objects(inputs.applyTos));
    const said = await firewall.read(work, id, state);
    if (!said) throw new Error(`firewall ${id} is gone`);
    return said;
  },

  async delete(work, id) {
    const { client, signal, waiting } = work;
    const answer = await client.call('GET', pathOf(id), signal);
    const applied = objects(object(answer.firewall).applied_to);
    if (applied.length > 0) {
      const body = {
        remove_from: applied.map(({ type, server }) => ({ type: type ?? '', server: server ?? null })),
      };
      try {
        const removed = await client.call('POST', pathOf(id, 'remove_from_resources'), signal, body);
        await waitForActions(work, objects(removed.actions));
      } catch (error) {
        if (!isRefusal(error, 'firewall_resource_not_found', 'not_found')) throw error;
      }
    }
    for (let count = 1; ; count += 1) {
      try {
        await client.call('DELETE', pathOf(id), signal);
        return;
      } catch (error) {
        if (isRefusal(error, 'not_found')) return;
        if (!isRefusal(error, 'conflict', 'resource_in_use') || count >= deleteTries) throw error;
        await waiting.pause(2 ** (count - 1) * 1_000, signal);
      }
    }
  },
};

async function syncApplied(
  work: Work<Hetzner>,
  id: string,
  before: readonly Properties[],
  after: readonly Properties[],
): Promise<void> {
  const key = (entry: Properties) => `${text(entry.server)} ${text(entry.labelSelector)}`;
  const missing = (list: readonly Properties[], other: readonly Properties[]) =>
    list.filter((entry) => !other.some((known) => key(known) === key(entry))).map(resourceRequest);
  const change = async (action: string, body: Properties) => {
    const answer = await work.client.call('POST', pathOf(id, action), work.signal, body);
    await waitForActions(work, objects(answer.actions));
  };
  const [removed, added] = [missing(before, after), missing(after, before)];
  if (removed.length > 0) await change('remove_from_resources', { remove_from: removed });
  if (added.length > 0) await change('apply_to_resources', { apply_to: added });
}

function resourceRequest({ server, labelSelector }: Properties): Properties {
  return isZero(labelSelector)
    ? { type: 'server', server: { id: Number(server) } }
    : { type: 'label_selector', label_selector: { selector: text(labelSelector) } };
}

function ruleRequest(rule: Properties): Properties {
  const request: Properties = { direction: text(rule.direction), protocol: text(rule.protocol) };
  if (!isZero(rule.sourceIps)) request.source_ips = texts(rule.sourceIps);
  if (!isZero(rule.destinationIps)) request.destination_ips = texts(rule.destinationIps);
  if (!isZero(rule.port)) request.port = text(rule.port);
  if (!isZero(rule.description)) request.description = text(rule.description);
  return request;
}

function stateOf(wall: Properties): Properties {
  return {
    name: text(wall.name),
    labels: object(wall.labels),
    rules: objects(wall.rules).map((rule) => ({
      direction: text(rule.direction),
      protocol: text(rule.protocol),
      port: text(rule.port),
      description: text(rule.description),
      sourceIps: texts(rule.source_ips),
      destinationIps: texts(rule.destination_ips),
    })),
    applyTos: objects(wall.applied_to).map(({ type, server, label_selector: selector }) =>
      type === 'server'
        ? { server: Number(object(server).id) }
        : { labelSelector: text(object(selector).selector) },
    ),
  };
}
