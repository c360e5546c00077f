import { Hono } from 'hono';
import { serverAnswer } from './answers.ts';
import { findServerType } from './catalogue.ts';
import type { CloudContext, CloudEnv, CloudParts } from './context.ts';
import { byId, readObject, stamp } from './context.ts';
import type { ServerOrder } from './create-server.ts';
import { nameField, readServerOrder } from './create-server.ts';
import { apiError, invalidField } from './errors.ts';
import { labelsField } from './labels.ts';
import { paginate, select } from './paging.ts';
import { addPrimaryIp } from './primary-ips.ts';
import type { ServerLife } from './server-life.ts';
import type { ActionRow, BootBehaviour, PrimaryIpRow, ProjectState, ServerRow } from './state.ts';

const DEFAULT_SLOW_BOOT_MS = 30_000;

/** Servers: create, read, change, delete, and the power actions. */
export function serverRoutes(parts: CloudParts, life: ServerLife): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { store, actions, machines, faults } = parts;

  const answer = (c: CloudContext, row: ServerRow) =>
    serverAnswer(parts, c.get('projectName'), row, { omitDatacenter: c.get('omitDatacenter') });

  function own(c: CloudContext): ServerRow {
    return byId(c, c.get('project').servers, 'server');
  }

  function unlocked(c: CloudContext): ServerRow {
    const row = own(c);
    if (row.status === 'initializing' || row.status === 'deleting')
      throw apiError('locked', 'server is locked');
    return row;
  }

  function target(c: CloudContext) {
    return { method: 'POST', path: '/servers', project: c.get('projectName') };
  }

  function bootBehaviour(c: CloudContext): BootBehaviour {
    const fault = faults.take(['slow_boot', 'never_boots'], target(c));
    if (!fault) return { kind: 'normal', delayMs: 0 };
    c.set('faultKind', fault.kind);
    if (fault.kind === 'never_boots') return { kind: 'never', delayMs: 0 };
    return { kind: 'slow', delayMs: fault.delayMs ?? DEFAULT_SLOW_BOOT_MS };
  }

  function assign(project: ProjectState, row: ServerRow, wanted: ServerOrder['ipv4'], type: 'ipv4' | 'ipv6') {
    if (wanted === null) return null;
    const ip: PrimaryIpRow =
      wanted === 'new'
        ? addPrimaryIp(parts, project, { type, location: row.location, assigneeId: row.id, autoDelete: true })
        : wanted;
    ip.assigneeId = row.id;
    return ip;
  }

  app.get('/servers', (c) => {
    const statuses = c.req.queries('status');
    const found = select(c, c.get('project').servers).filter(
      (row) => !statuses || statuses.includes(row.status),
    );
    const { rows, meta } = paginate(c, found);
    return c.json({ servers: rows.map((row) => answer(c, row)), meta });
  });

  app.post('/servers', async (c) => {
    const project = c.get('project');
    const projectName = c.get('projectName');
    const order = readServerOrder(parts, projectName, project, await readObject(c));
    const outcome = faults.take(['action_fails', 'action_stuck'], target(c))?.kind;
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
      boot: bootBehaviour(c),
    };
    const ipv4 = assign(project, row, order.ipv4, 'ipv4');
    row.ipv4Id = ipv4?.id ?? null;
    row.ipv6Id = assign(project, row, order.ipv6, 'ipv6')?.id ?? null;
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
      ...(outcome === 'action_fails' ? { outcome: 'fails' as const } : {}),
      ...(outcome === 'action_stuck' ? { outcome: 'stuck' as const } : {}),
      effect: () => {
        if (row.status === 'initializing') row.status = order.start ? 'starting' : 'off';
      },
    });
    const next: ActionRow[] = [];
    if (order.start && outcome === undefined) {
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
    // The action may already be over by now; the vendor answers with the state at the start.
    return c.json(
      {
        server: answer(c, row),
        action,
        next_actions: next,
        root_password: parts.randomText(20),
      },
      201,
    );
  });

  app.get('/servers/:id', (c) => c.json({ server: answer(c, own(c)) }));

  app.put('/servers/:id', async (c) => {
    const row = own(c);
    const body = await readObject(c);
    const name = body.name === undefined ? row.name : nameField(body, c.get('project'), row.id);
    const labels = labelsField(body) ?? row.labels;
    Object.assign(row, { name, labels });
    store.save();
    return c.json({ server: answer(c, row) });
  });

  app.delete('/servers/:id', (c) => {
    const row = own(c);
    if (row.protection.delete) throw apiError('protected', 'server is protected against deletion');
    if (row.status === 'deleting') throw apiError('locked', 'server is locked');
    row.status = 'deleting';
    const action = actions.start({
      project: c.get('projectName'),
      command: 'delete_server',
      resources: [{ id: row.id, type: 'server' }],
      effect: () => life.remove(c.get('projectName'), row),
    });
    return c.json({ action });
  });

  /** An action on an unlocked server that changes its row and machine in the background. */
  function power(path: string, command: string, effect: (row: ServerRow) => Promise<void>) {
    app.post(`/servers/:id/actions/${path}`, (c) => {
      const row = unlocked(c);
      const action = actions.start({
        project: c.get('projectName'),
        command,
        resources: [{ id: row.id, type: 'server' }],
        effect: async () => {
          if (row.status !== 'deleting') await effect(row);
        },
      });
      return c.json({ action }, 201);
    });
  }
  power('poweron', 'start_server', async (row) => {
    if (row.status === 'off') await life.powerOn(row);
  });
  power('poweroff', 'stop_server', (row) => life.powerOff(row, 'pull'));
  power('shutdown', 'shutdown_server', (row) => life.powerOff(row, 'shutdown'));
  power('reboot', 'reboot_server', (row) => life.reboot(row, 'shutdown'));
  power('reset', 'reset_server', (row) => life.reboot(row, 'pull'));

  app.post('/servers/:id/actions/change_type', async (c) => {
    const row = unlocked(c);
    const body = await readObject(c);
    const wanted = body.server_type;
    const type =
      typeof wanted === 'string' || typeof wanted === 'number'
        ? findServerType(parts.catalogue, wanted)
        : undefined;
    if (!type) throw invalidField('server_type', `server type '${String(wanted)}' not found`);
    const now = findServerType(parts.catalogue, row.serverType);
    if (
      type.architecture !== now?.architecture ||
      type.disk < row.primaryDiskSize ||
      !type.monthlyNet[row.location]
    ) {
      throw apiError('invalid_server_type', `server type '${type.name}' does not fit this server`);
    }
    if (row.status !== 'off')
      throw apiError('server_not_stopped', 'server must be stopped before changing its type');
    const action = actions.start({
      project: c.get('projectName'),
      command: 'change_server_type',
      resources: [{ id: row.id, type: 'server' }],
      effect: () => {
        row.serverType = type.name;
        if (body.upgrade_disk === true) row.primaryDiskSize = type.disk;
      },
    });
    return c.json({ action }, 201);
  });

  app.post('/servers/:id/actions/change_protection', async (c) => {
    const row = own(c);
    const body = await readObject(c);
    if (typeof body.delete === 'boolean') row.protection.delete = body.delete;
    if (typeof body.rebuild === 'boolean') row.protection.rebuild = body.rebuild;
    const action = actions.start({
      project: c.get('projectName'),
      command: 'change_protection',
      resources: [{ id: row.id, type: 'server' }],
    });
    return c.json({ action }, 201);
  });

  app.post('/servers/:id/actions/request_console', (c) => {
    const row = unlocked(c);
    const action = actions.start({
      project: c.get('projectName'),
      command: 'request_console',
      resources: [{ id: row.id, type: 'server' }],
    });
    // No VNC here: the serial log is read at the control endpoint.
    return c.json(
      {
        wss_url: `wss://console.sandbox.invalid/?server_id=${row.id}`,
        password: parts.randomText(16),
        action,
      },
      201,
    );
  });
  return app;
}
