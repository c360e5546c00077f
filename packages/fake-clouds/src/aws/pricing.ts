import { jsonAnswer, jsonRefusal } from './answers.ts';

/** On-demand prices of Linux in us-east-1, USD an hour, as listed in November 2025. */
const hourly: Readonly<Record<string, number>> = {
  't3.nano': 0.0052,
  't3.micro': 0.0104,
  't3.small': 0.0208,
  't3.medium': 0.0416,
  't3.large': 0.0832,
  't3.xlarge': 0.1664,
  't3a.small': 0.0188,
  't3a.medium': 0.0376,
  't3a.large': 0.0752,
  't3a.xlarge': 0.1504,
  't4g.small': 0.0168,
  't4g.medium': 0.0336,
  't4g.large': 0.0672,
  't4g.xlarge': 0.1344,
  'm7i-flex.large': 0.09576,
  'm7i-flex.xlarge': 0.19152,
  'm7i.large': 0.1008,
  'm7i.xlarge': 0.2016,
  'm7g.medium': 0.0408,
  'm7g.large': 0.0816,
  'm7g.xlarge': 0.1632,
  'm7a.medium': 0.05796,
  'm7a.large': 0.11592,
};
/** How much dearer a region is than us-east-1. */
const factors: Readonly<Record<string, number>> = {
  'us-east-1': 1,
  'us-east-2': 1,
  'us-west-1': 1.19,
  'us-west-2': 1,
  'eu-central-1': 1.15,
  'eu-west-1': 1.1,
  'eu-west-2': 1.13,
  'eu-west-3': 1.13,
  'eu-north-1': 1.04,
  'ca-central-1': 1.11,
  'ap-south-1': 1.08,
  'ap-southeast-1': 1.27,
  'ap-southeast-2': 1.27,
  'ap-northeast-1': 1.31,
  'ap-northeast-2': 1.25,
  'sa-east-1': 1.62,
};
const diskGbMonth = 0.08;
const addressHour = 0.005;
const largestPage = 100;
const rounded = (amount: number): string => amount.toFixed(10);

interface Product {
  readonly family: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly usd: string;
}

function productsOf(service: string): Product[] {
  return Object.entries(factors).flatMap(([region, factor]): Product[] => {
    const place = { regionCode: region, locationType: 'AWS Region' };
    if (service === 'AmazonVPC') {
      return [
        {
          family: 'VpcPublicIpv4Address',
          attributes: {
            ...place,
            group: 'VPCPublicIPv4Address',
            usagetype: `${region}-PublicIPv4:InUseAddress`,
          },
          unit: 'Hrs',
          usd: rounded(addressHour),
        },
        {
          family: 'VpcPublicIpv4Address',
          attributes: {
            ...place,
            group: 'VPCPublicIPv4Address',
            usagetype: `${region}-PublicIPv4:IdleAddress`,
          },
          unit: 'Hrs',
          usd: rounded(addressHour),
        },
      ];
    }
    const linux = {
      ...place,
      operatingSystem: 'Linux',
      tenancy: 'Shared',
      preInstalledSw: 'NA',
      capacitystatus: 'Used',
      licenseModel: 'No License required',
    };
    return [
      ...Object.entries(hourly).map(([instanceType, usd]) => ({
        family: 'Compute Instance',
        attributes: { ...linux, instanceType },
        unit: 'Hrs',
        usd: rounded(usd * factor),
      })),
      {
        family: 'Storage',
        attributes: { ...place, volumeApiName: 'gp3' },
        unit: 'GB-Mo',
        usd: rounded(diskGbMonth * factor),
      },
    ];
  });
}

const listed = (product: Product, index: number): string =>
  JSON.stringify({
    product: { productFamily: product.family, attributes: product.attributes, sku: `SKU${index}` },
    terms: {
      OnDemand: {
        [`SKU${index}.JRTCKXETXF`]: {
          priceDimensions: {
            [`SKU${index}.JRTCKXETXF.6YS6EN2CT7`]: {
              unit: product.unit,
              beginRange: '0',
              endRange: 'Inf',
              pricePerUnit: { USD: product.usd },
            },
          },
        },
      },
    },
  });

interface Wish {
  ServiceCode?: string;
  Filters?: { Type: string; Field: string; Value: string }[];
  MaxResults?: number;
  NextToken?: string;
}

/** The part of the price list that a server touches: instances, their disks, their addresses. moto has none of it. */
export function answerPricing(action: string, body: string): Response {
  if (action !== 'GetProducts')
    return jsonRefusal({ status: 400, code: 'UnknownOperationException', message: '' });
  const wish = JSON.parse(body) as Wish;
  if (!['AmazonEC2', 'AmazonVPC'].includes(wish.ServiceCode ?? ''))
    return jsonRefusal({ status: 400, code: 'InvalidParameterException', message: 'Unknown service code' });
  const found = productsOf(wish.ServiceCode ?? '').filter((product) =>
    (wish.Filters ?? []).every(({ Field, Value }) =>
      Field === 'productFamily' ? product.family === Value : product.attributes[Field] === Value,
    ),
  );
  const from = Number(wish.NextToken ?? 0);
  const size = Math.min(wish.MaxResults ?? largestPage, largestPage);
  const next = from + size;
  return jsonAnswer({
    FormatVersion: 'aws_v1',
    PriceList: found.slice(from, next).map((product, index) => listed(product, from + index)),
    ...(next < found.length ? { NextToken: String(next) } : {}),
  });
}

/** The one quota that a server meets: vCPUs of running standard instances. */
export function answerQuotas(action: string, body: string, vcpuLimit: number): Response {
  const { ServiceCode, QuotaCode } = JSON.parse(body) as { ServiceCode?: string; QuotaCode?: string };
  const known = ServiceCode === 'ec2' && QuotaCode === 'L-1216C47A';
  if (!['GetServiceQuota', 'GetAWSDefaultServiceQuota'].includes(action) || !known)
    return jsonRefusal({ status: 400, code: 'NoSuchResourceException', message: 'No such quota' });
  return jsonAnswer({
    Quota: {
      ServiceCode,
      QuotaCode,
      QuotaName: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances',
      Value: vcpuLimit,
      Unit: 'None',
      Adjustable: true,
    },
  });
}
