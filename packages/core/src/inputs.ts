import { CredentialId, InstanceId, OperationId } from '@claw-cloud/contracts';
import { z } from 'zod';

/** Inputs of verbs that take nothing but an id. */
export const OneCredential = z.object({ credentialId: CredentialId });
export const OneInstance = z.object({ instanceId: InstanceId });
export const OneOperation = z.object({ operationId: OperationId });
