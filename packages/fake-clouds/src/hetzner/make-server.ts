import type { BootBehaviour } from '../faults/faults.ts';
import type { ActionOrder } from './actions.ts';
import type { CloudParts } from './context.ts';
import { stamp } from './context.ts';
import type { ServerOrder } from './create-server.ts';
import { addPrimaryIp } from './primary-ips.ts';
import type { ServerLife } from './server-life.ts';
import type { ActionRow, PrimaryIpRow, ServerRow } from './state.ts';

/** How a server comes into being; anything but the plain way comes from a fault. */
export interface Birth {
  boot: BootBehaviour;
  outcome?: NonNullable<ActionOrder['outcome']>;
}

/** Makes the server of a checked order: its row, its addresses, its machine, and the actions that bring it up. */
export async function makeServer(
  parts: CloudParts,
  life: ServerLife,
  projectName: string,
  order: ServerOrder,
  birth: Birth = { boot: { kind: 'normal', delayMs: 0 } },
): Promise<{ row: ServerRow; action: ActionRow; next: ActionRow[] }> {
  const { store, actions, machines } = parts;
  const project = store.project(projectName);
  const row: ServerRow = {
    id: store.nextId(),
    name: order.name,
    created: stamp(parts.now()),
    status: 'initializing',
    serverType: order.type.name,
    imageId: order.image.id,
    location: order.place.name,
    labels: order.labels,
    firewallIds: order.firewallIds,
    ipv4Id: null,
    ipv6Id: null,
    protection: { delete: false, rebuild: false },
    primaryDiskSize: order.type.disk,
    boot: birth.boot,
  };
  const assign = (wanted: ServerOrder['ipv4'], type: 'ipv4' | 'ipv6'): PrimaryIpRow | null => {
    if (wanted === null) return null;
    const ip =
      wanted === 'new'
        ? addPrimaryIp(parts, project, { type, location: row.location, assigneeId: row.id, autoDelete: true })
        : wanted;
    ip.assigneeId = row.id;
    return ip;
  };
  const ipv4 = assign(order.ipv4, 'ipv4');
  row.ipv4Id = ipv4?.id ?? null;
  row.ipv6Id = assign(order.ipv6, 'ipv6')?.id ?? null;
  project.servers.push(row);
  store.record({
    at: parts.now().toISOString(),
    event: 'created',
    project: projectName,
    serverId: row.id,
    name: row.name,
    labels: row.labels,
  });
  store.save();
  await machines.create({
    id: row.id,
    name: row.name,
    userData: order.userData,
    serverType: order.type.name,
    image: order.image.name,
    location: row.location,
    publicIpv4: ipv4?.ip ?? null,
  });
  const resources = [{ id: row.id, type: 'server' }];
  const action = actions.start({
    project: projectName,
    command: 'create_server',
    resources,
    ...(birth.outcome ? { outcome: birth.outcome } : {}),
    effect: () => {
      if (row.status === 'initializing') row.status = order.start ? 'starting' : 'off';
    },
  });
  const next: ActionRow[] = [];
  if (order.start && birth.outcome === undefined) {
    next.push(
      actions.start({
        project: projectName,
        command: 'start_server',
        resources,
        after: action,
        effect: async () => {
          if (row.status === 'starting') await life.powerOn(row);
        },
      }),
    );
  }
  return { row, action, next };
}
