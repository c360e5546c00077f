import { randomBytes } from 'node:crypto';
import type { Work } from '../protocol/resource.ts';
import { isZero, object, type Properties, text, texts } from '../protocol/values.ts';
import type { Ec2 } from './client.ts';
import { groupsOf, rootDeviceOf } from './instance-state.ts';
import { tagSpecification } from './tags.ts';

/** What is left of properties without those that say nothing. */
export const given = (properties: Properties): Properties =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => !isZero(value)));

/** What RunInstances is asked for. The image is looked up where the disk it boots from is to be another. */
export async function requestOf(work: Work<Ec2>, inputs: Properties): Promise<Properties> {
  const root = object(inputs.rootBlockDevice);
  const device = isZero(root) ? '' : await rootDeviceOf(work, text(inputs.ami));
  const groups = groupsOf(inputs);
  const onInterface = text(inputs.subnetId) !== '' && inputs.associatePublicIpAddress === true;
  const six = given({
    Ipv6AddressCount: inputs.ipv6AddressCount ?? 0,
    Ipv6Addresses: texts(inputs.ipv6Addresses).map((Ipv6Address) => ({ Ipv6Address })),
  });
  return {
    ...given({
      ImageId: text(inputs.ami),
      InstanceType: text(inputs.instanceType),
      KeyName: text(inputs.keyName),
      InstanceInitiatedShutdownBehavior: text(inputs.instanceInitiatedShutdownBehavior),
      UserData: text(inputs.userDataBase64) || Buffer.from(text(inputs.userData)).toString('base64'),
      MetadataOptions: metadataRequest(object(inputs.metadataOptions)),
      Placement: given({
        AvailabilityZone: text(inputs.availabilityZone),
        Tenancy: text(inputs.tenancy),
      }),
      CreditSpecification: given({ CpuCredits: text(object(inputs.creditSpecification).cpuCredits) }),
      BlockDeviceMapping: device === '' ? [] : [{ DeviceName: device, Ebs: ebsRequest(root) }],
    }),
    ...(onInterface
      ? {
          NetworkInterface: [
            {
              DeviceIndex: 0,
              SubnetId: text(inputs.subnetId),
              AssociatePublicIpAddress: true,
              SecurityGroupId: groups,
              ...six,
            },
          ],
        }
      : { SubnetId: text(inputs.subnetId), SecurityGroupId: groups, ...six }),
    ClientToken: `terraform-${randomBytes(13).toString('hex')}`,
    DisableApiTermination: inputs.disableApiTermination === true,
    EbsOptimized: inputs.ebsOptimized === true,
    MaxCount: 1,
    MinCount: 1,
    Monitoring: { Enabled: inputs.monitoring === true },
    TagSpecification: [
      ...tagSpecification('instance', inputs.tags),
      ...tagSpecification('volume', inputs.volumeTags),
    ],
  };
}

function ebsRequest(root: Properties): Properties {
  return {
    DeleteOnTermination: root.deleteOnTermination !== false,
    ...given({
      Encrypted: root.encrypted === true,
      Iops: root.iops ?? 0,
      KmsKeyId: text(root.kmsKeyId),
      Throughput: root.throughput ?? 0,
      VolumeSize: root.volumeSize ?? 0,
      VolumeType: text(root.volumeType),
    }),
  };
}

/** How the machine may ask who it is. */
export function metadataRequest(options: Properties): Properties {
  return given({
    HttpEndpoint: text(options.httpEndpoint),
    HttpProtocolIpv6: text(options.httpProtocolIpv6),
    HttpPutResponseHopLimit: options.httpPutResponseHopLimit ?? 0,
    HttpTokens: text(options.httpTokens),
    InstanceMetadataTags: text(options.instanceMetadataTags),
  });
}
