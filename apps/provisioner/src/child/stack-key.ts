import { type Secret, secret, toBase64Url } from '@claw-cloud/crypto';
import { sealEnvelope } from '@claw-cloud/crypto/kek';
import { openStored, stackPassphraseField } from './open-credential.ts';
import type { OperationParts, OperationTask } from './parts.ts';

/** The passphrase of an instance's Pulumi stack, held for one operation. */
export interface StackKey {
  /** False before the first deploy: then there is no stack either. */
  exists(): boolean;
  /** True when this operation made it: then there can be no stack yet. */
  isNew(): boolean;
  /** Makes one when there is none; it is kept, enveloped, before anything is encrypted with it. */
  ensure(): Promise<void>;
  use<R>(fn: (passphrase: string) => R): R;
  wipe(): void;
}

/** Raises `envelope_damaged` on use when the stored one can't be opened. */
export function createStackKey(parts: OperationParts, task: OperationTask): StackKey {
  const { stackSecret, credential, instance } = task.lease;
  const context = { owner: credential.ownerId, record: instance.id, field: stackPassphraseField };
  let made: Secret<Uint8Array> | null = null;
  const held = (): Secret<Uint8Array> => {
    if (made === null) {
      if (stackSecret === null) throw new Error('there is no stack passphrase yet');
      made = openStored(parts.ring, stackSecret, context);
      made.use((bytes) => parts.redactor.add(new TextDecoder().decode(bytes)));
    }
    return made;
  };
  return {
    isNew: () => made !== null && stackSecret === null,
    exists: () => made !== null || stackSecret !== null,
    async ensure() {
      if (made !== null || stackSecret !== null) return;
      const random = globalThis.crypto.getRandomValues(new Uint8Array(32));
      const text = toBase64Url(random);
      random.fill(0);
      parts.redactor.add(text);
      const fresh = secret(new TextEncoder().encode(text));
      await parts.notes.storeStackSecret(sealEnvelope(parts.ring, context, fresh));
      made = fresh;
    },
    use: (fn) => held().use((bytes) => fn(new TextDecoder().decode(bytes))),
    wipe: () => made?.wipe(),
  };
}
