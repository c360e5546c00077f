import { Metadata, status } from '@grpc/grpc-js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import statuses from '@pulumi/pulumi/proto/status_pb.js';
import anys from 'google-protobuf/google/protobuf/any_pb.js';
import type { Struct } from 'google-protobuf/google/protobuf/struct_pb.js';

/** A resource that exists, of which a later step failed: the engine keeps it in the state. */
export class PartlyMade extends Error {
  override name = 'PartlyMade';
  readonly id: string;
  readonly properties: Struct;
  readonly inputs: Struct;

  constructor(cause: unknown, id: string, properties: Struct, inputs: Struct) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.id = id;
    this.properties = properties;
    this.inputs = inputs;
  }

  /** The detail that the engine reads the id and the state from. */
  metadata(details: string): Metadata {
    const detail = new messages.ErrorResourceInitFailed();
    detail.setId(this.id);
    detail.setProperties(this.properties);
    detail.setInputs(this.inputs);
    detail.setReasonsList([details]);
    const packed = new anys.Any();
    packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
    const answer = new statuses.Status();
    answer.setCode(status.UNKNOWN);
    answer.setMessage(details);
    answer.addDetails(packed);
    const metadata = new Metadata();
    metadata.add('grpc-status-details-bin', Buffer.from(answer.serializeBinary()));
    return metadata;
  }
}
