import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLabMachines, type Lab, type LabMachines, openLab } from './index.ts';

const spec = { id: 1000001, name: 'claw-one', userData: '#cloud-config\n', image: 'debian-13' };
let lab: Lab;
let machines: LabMachines;

beforeAll(async () => {
  lab = await openLab({ artefacts: 'test-artifacts/machines/machine-room' });
  machines = createLabMachines({ lab, openclaw: 'stand-in', imageFiles: { '/etc/claw/model.json': '{}' } });
});
afterAll(() => lab?.close());

test('a server is made, boots, reboots, goes off and is gone, whatever is asked twice', async () => {
  const { id } = spec;
  expect(await machines.status(id)).toBe('absent');
  await Promise.all([machines.create(spec), machines.create(spec)]);
  expect(await machines.status(id)).toBe('off');
  await Promise.all([machines.powerOn(id), machines.powerOn(id)]);
  expect(await machines.status(id)).toBe('running');
  const machine = machines.machineOf(id)!;
  expect(await machine.run('cat /etc/claw/model.json; ls /opt/claw/store')).toMatch(/^\{\}openclaw-/);
  await machine.until('test "$(hostname)" = claw-one', 60_000);
  await machines.reboot(id);
  expect(machine.boots()).toBe(2);
  await machines.stopAll();
  expect(await machines.status(id)).toBe('off');
  expect(await machines.console(id, 100_000)).toContain('Debian GNU/Linux 13');
  await machines.powerOn(id);
  await machines.powerOff(id, 'pull');
  await machines.destroy(id);
  await machines.destroy(id);
  expect(await machines.status(id)).toBe('absent');
  await expect(machines.powerOn(id)).rejects.toThrow('There is no machine');
  expect(lab.machines()).toEqual([]);
});
