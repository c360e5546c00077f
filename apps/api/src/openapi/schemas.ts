import { zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import * as contracts from '@claw-cloud/contracts';

/** The contracts that get a name of their own in the document; everything else is written out where it is used. */
const named = {
  AddCredential: contracts.AddCredential,
  AuditEvent: contracts.AuditEvent,
  Catalogue: contracts.Catalogue,
  Cloud: contracts.Cloud,
  CloudList: contracts.CloudList,
  Credential: contracts.Credential,
  CredentialMethod: contracts.CredentialMethod,
  DeployInstance: contracts.DeployInstance,
  Drift: contracts.Drift,
  Failure: contracts.Failure,
  Instance: contracts.Instance,
  InstanceEvent: contracts.InstanceEvent,
  IntakeKey: contracts.IntakeKey,
  Me: contracts.Me,
  Operation: contracts.Operation,
  Problem: contracts.Problem,
  PublicConfig: contracts.PublicConfig,
  Receipt: contracts.Receipt,
  RegisterInstance: contracts.RegisterInstance,
  ReportPhase: contracts.ReportPhase,
  ResizeInstance: contracts.ResizeInstance,
  Sealed: contracts.Sealed,
  Size: contracts.Size,
  Stray: contracts.Stray,
  SupportGrantRecord: contracts.SupportGrantRecord,
};

// Names are set in the generator's registry rather than by `.openapi()`: that method exists only on schemas made
// after the generator was loaded, and the contracts know nothing of it.
for (const [name, schema] of Object.entries(named))
  zodToOpenAPIRegistry.add(schema, { _internal: { refId: name } });

export const ProblemSchema = contracts.Problem;
