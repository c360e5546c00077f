import { Hono } from 'hono';
import { takeBootBehaviour } from '../faults/faults.ts';
import { serverAnswer } from './answers.ts';
import { readTypeChange } from './change-type.ts';
import type { CloudContext, CloudEnv, CloudParts } from './context.ts';
import { byId, readObject } from './context.ts';
import { nameField, readServerOrder } from './create-server.ts';
import { apiError } from './errors.ts';
import { faultTarget } from './fault-middleware.ts';
import { labelsField } from './labels.ts';
import { makeServer } from './make-server.ts';
import { paginate, select } from './paging.ts';
import type { ServerLife } from './server-life.ts';
import type { ServerRow } from './state.ts';

/** Servers: create, read, change, delete, and the power actions. */
export function serverRoutes(parts: CloudParts, life: ServerLife): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { store, actions, faults } = parts;

  const answer = (c: CloudContext, row: ServerRow) =>
    serverAnswer(parts, c.get('projectName'), row, { omitDatacenter: c.get('omitDatacenter') });

  function own(c: CloudContext): ServerRow {
    return byId(c, c.get('project').servers, 'server');
  }

  function unlocked(c: CloudContext): ServerRow {
    const row = own(c);
    if (['initializing', 'deleting', 'migrating'].includes(row.status))
      throw apiError('locked', 'server is locked');
    return row;
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
    const target = faultTarget(c);
    const outcome = faults.take(['action_fails', 'action_stuck'], target)?.kind;
    const boot = takeBootBehaviour(faults, target);
    const { row, action, next } = await makeServer(parts, life, projectName, order, {
      boot,
      ...(outcome === 'action_fails' ? { outcome: 'fails' as const } : {}),
      ...(outcome === 'action_stuck' ? { outcome: 'stuck' as const } : {}),
    });
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
  power('reboot', 'reboot_server', (row) => life.reboot(row, 'shutdown'));
  power('reset', 'reset_server', (row) => life.reboot(row, 'pull'));

  // A request to the operating system: the action is over when it is made, and the server goes off later, if it does.
  app.post('/servers/:id/actions/shutdown', (c) => {
    const row = unlocked(c);
    const ignored = faults.take(['ignores_shutdown'], faultTarget(c)) !== undefined;
    if (!ignored && row.status !== 'off') actions.background(() => life.powerOff(row, 'shutdown'));
    const action = actions.start({
      project: c.get('projectName'),
      command: 'shutdown_server',
      resources: [{ id: row.id, type: 'server' }],
    });
    return c.json({ action }, 201);
  });

  app.post('/servers/:id/actions/change_type', async (c) => {
    const row = unlocked(c);
    const { type, upgradeDisk } = readTypeChange(parts, c.get('projectName'), row, await readObject(c));
    row.status = 'migrating';
    const action = actions.start({
      project: c.get('projectName'),
      command: 'change_server_type',
      resources: [{ id: row.id, type: 'server' }],
      effect: async () => {
        row.serverType = type.name;
        if (upgradeDisk) row.primaryDiskSize = type.disk;
        // The vendor starts the server again, whoever stopped it.
        await life.powerOn(row);
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
