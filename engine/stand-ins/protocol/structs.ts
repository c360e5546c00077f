import structs from 'google-protobuf/google/protobuf/struct_pb.js';
import type { Properties } from './values.ts';

/** Properties out of a message; empty where there are none. */
export function fromStruct(struct: structs.Struct | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}

/** Properties for a message. */
export function toStruct(properties: Properties): structs.Struct {
  return structs.Struct.fromJavaScript(properties);
}
