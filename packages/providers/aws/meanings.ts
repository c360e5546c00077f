import type { ErrorCode } from '@claw-cloud/contracts';

export const statusUrl = 'https://health.aws.amazon.com/health/status';
export const usersUrl = 'https://console.aws.amazon.com/iam/home#/users';
export const billingUrl = 'https://console.aws.amazon.com/billing/home';
export const regionsUrl = 'https://console.aws.amazon.com/billing/home#/account';
export const quotasUrl = 'https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A';

/** An error of the vendor in the product's words. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly link?: string;
}

const unknownKey: Meaning = {
  code: 'credential_rejected',
  message: 'AWS does not accept this access key.',
  fix: 'Copy both parts of the key again, or make a new one for the user in IAM. In a region that is switched off in the account, AWS knows no key at all.',
  link: usersUrl,
};
const powerless: Meaning = {
  code: 'credential_powerless',
  message: 'The key or role may not do something that is needed.',
  fix: 'Put the policy of the credential page on the user or the role in IAM, as it is. If it is there, an organisation may forbid it.',
  link: usersUrl,
};
const sessionOver: Meaning = {
  code: 'cloud_unavailable',
  message: 'The session with AWS ended in the middle.',
  fix: 'Try again: a new session is made.',
};
const quota: Meaning = {
  code: 'quota_reached',
  message: 'A limit of the AWS account is reached.',
  fix: 'Delete something you no longer need in this region, choose another region, or ask AWS for a higher limit under Service Quotas.',
  link: quotasUrl,
};
const soldOut: Meaning = {
  code: 'size_sold_out',
  message: 'AWS has no server of this size left there at the moment.',
  fix: 'Choose another size or another region, or try again later.',
};
const noSuchSize: Meaning = {
  code: 'size_unknown',
  message: 'AWS does not offer this size there.',
  fix: 'Reload the form and choose another size or another region.',
};
const noImage: Meaning = {
  code: 'image_unavailable',
  message: 'AWS no longer has the image that servers start from.',
  fix: 'Try again: the newest one is looked up. If it stays, tell us.',
};
const limited: Meaning = {
  code: 'cloud_rate_limited',
  message: 'AWS answers no more requests of this account for a moment.',
  fix: 'Wait some minutes. Other programs in the account and the region count too.',
};
export const down: Meaning = {
  code: 'cloud_unavailable',
  message: "AWS's API does not work at the moment.",
  fix: `Look at ${statusUrl} and try again in a few minutes.`,
  link: statusUrl,
};
const busy: Meaning = {
  code: 'resource_locked',
  message: 'Something in the AWS account is still in use or just changing.',
  fix: 'Wait a minute and try again.',
};
const gone: Meaning = {
  code: 'cloud_unexpected',
  message: 'Something that belongs to the instance is no longer there.',
  fix: 'Check the instance for differences and repair them, or destroy it and deploy a new one.',
};
const refused: Meaning = {
  code: 'cloud_refused',
  message: 'AWS refused the request.',
  fix: 'Choose another size or region. If it stays, tell us the operation id.',
};

/** AWS's error codes that a server's life can meet, over all four services. */
export const meanings: Readonly<Record<string, Meaning>> = {
  AuthFailure: unknownKey,
  InvalidClientTokenId: unknownKey,
  InvalidAccessKeyId: unknownKey,
  SignatureDoesNotMatch: unknownKey,
  UnrecognizedClientException: unknownKey,
  InvalidSignatureException: unknownKey,
  IncompleteSignature: unknownKey,
  MissingAuthenticationToken: unknownKey,
  ExpiredToken: sessionOver,
  ExpiredTokenException: sessionOver,
  RequestExpired: sessionOver,
  UnauthorizedOperation: powerless,
  AccessDenied: powerless,
  AccessDeniedException: powerless,
  PendingVerification: {
    code: 'account_unverified',
    message: 'AWS is still checking this account for its first servers in this region.',
    fix: 'This takes minutes, at most four hours. Try again then, or write to AWS support if it takes longer.',
    link: 'https://console.aws.amazon.com/support/home',
  },
  OptInRequired: {
    code: 'billing_missing',
    message: 'The sign-up at AWS is not finished: EC2 is not open to this account yet.',
    fix: 'Sign in as the account owner, add a way to pay and finish the sign-up. Then wait for the e-mail that says that it is open.',
    link: billingUrl,
  },
  Blocked: {
    code: 'cloud_account_locked',
    message: 'AWS has blocked this account.',
    fix: 'Write to AWS support: they say there what to do.',
    link: 'https://console.aws.amazon.com/support/home',
  },
  VcpuLimitExceeded: {
    ...quota,
    message: "The account's limit of vCPUs in this region is reached.",
  },
  InstanceLimitExceeded: quota,
  AddressLimitExceeded: quota,
  SecurityGroupLimitExceeded: quota,
  RulesPerSecurityGroupLimitExceeded: quota,
  VolumeLimitExceeded: quota,
  VpcLimitExceeded: {
    ...quota,
    message: "The account's limit of networks (VPCs) in this region is reached.",
  },
  InternetGatewayLimitExceeded: quota,
  SubnetLimitExceeded: quota,
  InsufficientInstanceCapacity: soldOut,
  InsufficientHostCapacity: soldOut,
  InsufficientCapacity: soldOut,
  InsufficientFreeAddressesInSubnet: {
    code: 'cloud_refused',
    message: "The account's default network has no free address left.",
    fix: 'Delete what you no longer need in it, or choose another region.',
  },
  Unsupported: noSuchSize,
  InvalidInstanceType: noSuchSize,
  InvalidInstanceAttributeValue: noSuchSize,
  'InvalidAMIID.NotFound': noImage,
  'InvalidAMIID.Unavailable': noImage,
  'InvalidAMIID.Malformed': noImage,
  RequestLimitExceeded: limited,
  Throttling: limited,
  ThrottlingException: limited,
  TooManyRequestsException: limited,
  EC2ThrottledException: limited,
  InternalError: down,
  InternalFailure: down,
  InternalServerException: down,
  InternalServerError: down,
  ServerInternal: down,
  ServiceUnavailable: down,
  ServiceUnavailableException: down,
  Unavailable: {
    code: 'cloud_maintenance',
    message: 'AWS takes no requests in this region at the moment.',
    fix: `Look at ${statusUrl} and try again in a few minutes.`,
    link: statusUrl,
  },
  IncorrectInstanceState: busy,
  IncorrectState: busy,
  DependencyViolation: busy,
  'InvalidGroup.InUse': busy,
  'Resource.AlreadyAssociated': busy,
  VolumeInUse: busy,
  'InvalidInstanceID.NotFound': {
    code: 'server_missing',
    message: 'The server is no longer there.',
    fix: 'Destroy the instance and deploy a new one.',
  },
  'InvalidGroup.NotFound': gone,
  'InvalidSubnetID.NotFound': gone,
  'InvalidVpcID.NotFound': gone,
  'InvalidNetworkInterfaceID.NotFound': gone,
  'InvalidInternetGatewayID.NotFound': gone,
  'InvalidRouteTableID.NotFound': gone,
  OperationNotPermitted: {
    code: 'cloud_refused',
    message: 'The server is protected against being stopped or terminated in EC2.',
    fix: 'Switch the protection off in the console, under "Instance settings", then try again.',
  },
  'InvalidGroup.Duplicate': {
    code: 'cloud_refused',
    message: 'The network already has a security group of this name.',
    fix: 'Try again: what an interrupted attempt left behind is then taken over.',
  },
  'InvalidUserData.Malformed': {
    code: 'user_data_too_large',
    message: 'What the server is to be set up with does not fit AWS.',
    fix: 'Tell us the operation id: this should not happen.',
  },
  VPCIdNotSpecified: {
    code: 'cloud_refused',
    message: 'The account has no default network in this region.',
    fix: 'Try again: one of its own is made.',
  },
  InvalidParameterValue: refused,
  InvalidParameterCombination: refused,
  InvalidParameter: refused,
  MissingParameter: refused,
  UnsupportedOperation: refused,
  ValidationError: refused,
};
