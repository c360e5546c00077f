import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApi, type TestApi, type TestPerson } from '@claw-cloud/api/testing';
import { buildUserData } from '@claw-cloud/bootstrap';
import { buildAgentBundle } from '@claw-cloud/bootstrap/agent-bundle';
import { type Lab, type LabMachine, openLab } from '@claw-cloud/bootstrap/lab';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateDeviceKeyPair } from '@claw-cloud/crypto/owner-keys';
import { generateToken, hashToken } from '@claw-cloud/crypto/tokens';
import { bootingInstance, freePort, newOwnerId } from '@claw-cloud/db/testing';
import {
  createApiClient,
  createKeyring,
  createMemoryStorage,
  type OwnerConnection,
  openOwnerChannel,
} from '@claw-cloud/owner-client';

export interface OwnedMachine {
  lab: Lab;
  machine: LabMachine;
  instanceId: string;
  /** Of the agent's bundle. */
  sha256: string;
  /** The control plane: a real one, on this computer. */
  api: TestApi;
  person: TestPerson;
  /** The owner's channel; it comes back by itself after a loss. */
  connection: OwnerConnection;
  close(): Promise<void>;
}

/**
 * A booted machine that registered itself with a real api, and its owner's open channel: all that the provisioner
 * would have done is done by hand.
 */
export async function openOwnedMachine(artefacts: string): Promise<OwnedMachine> {
  await ready();
  const folder = mkdtempSync(join(tmpdir(), 'claw-owned-machine-'));
  const endings: (() => void | Promise<void>)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of endings.reverse()) await end();
  };
  try {
    const { sha256, version, openclawVersion } = await buildAgentBundle(folder);
    const lab = await openLab({ artefacts });
    endings.push(() => lab.close());
    const port = await freePort(0);
    const machineUrl = await lab.expose(port);
    const api = await startTestApi({ port, machineUrl, agentDir: folder });
    endings.push(() => api.stop());

    const ownerId = newOwnerId();
    const person = await api.person(ownerId);
    const token = generateToken();
    const { instance } = await bootingInstance(api.database.db, ownerId, hashToken(token));
    const keyring = createKeyring(createMemoryStorage(), { ownerId, deviceName: 'test device' });
    const { devicePublicKey, pairingSecret } = await keyring.prepareInstance(instance.id);
    const userData = buildUserData({
      v: 1,
      instanceId: instance.id,
      controlPlaneUrl: machineUrl,
      registrationToken: token.use((text) => text),
      agent: { sha256, version },
      openclaw: { version: openclawVersion },
      owners: {
        devicePublicKey,
        deviceName: 'test device',
        recoveryPublicKey: toBase64Url(generateDeviceKeyPair().publicKey),
        pairingSecret,
      },
      sources: { npm: lab.world.npmRegistry },
    });
    const machine = await lab.start({ userData, openclaw: 'stand-in' });
    const connection = openOwnerChannel({
      baseUrl: api.url,
      instanceId: instance.id,
      api: createApiClient({ baseUrl: api.url, getToken: person.token }),
      keyring,
    });
    endings.push(() => connection.close());
    return { lab, machine, instanceId: instance.id, sha256, api, person, connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}
