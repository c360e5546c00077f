import { readFileSync } from 'node:fs';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { MiddlewareHandler } from 'hono';

/** Something said on the wire that the vendor's description does not allow. */
export interface SpecViolation {
  /** `POST /servers`, as in the description. */
  operation: string;
  where: 'path' | 'query' | 'request' | 'status' | 'response';
  message: string;
}

export interface SpecValidator {
  /** Checks each exchange that passes; it changes none. */
  middleware: MiddlewareHandler;
  violations: SpecViolation[];
  /** Operations seen so far, as `METHOD /path`. */
  seen: Set<string>;
  /** Checks one answer got from elsewhere, for instance by a client against the real API. */
  checkResponse(method: string, path: string, status: number, body: unknown): SpecViolation[];
}

export interface SpecValidatorOptions {
  /** Path prefix of the API in requests. @default '/v1' */
  prefix?: string;
  /** Query parameters the vendor takes although its description does not name them: by operation. */
  undocumentedQuery?: Record<string, string[]>;
  /** What the vendor is known to accept beyond its description: not counted as a violation. */
  isKnownDeviation?: (violation: SpecViolation) => boolean;
}

interface Schema {
  [key: string]: unknown;
}

/** A part that stands in the description's components. */
interface Reference {
  $ref: string;
}

interface Operation {
  parameters?: (Parameter | Reference)[];
  requestBody?: { required?: boolean; content?: Record<string, { schema?: Schema }> };
  responses: Record<string, Answer | Reference>;
}

interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  schema?: Schema;
}

interface Answer {
  content?: Record<string, { schema?: Schema }>;
}

/** OpenAPI 3.0 to JSON Schema: `nullable`, also beside `$ref`, `allOf` and `enum`. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, example: _example, examples: _examples, ...rest } = schema as Schema;
  const converted = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, toJsonSchema(value)]),
  );
  return nullable === true ? { anyOf: [converted, { type: 'null' }] } : converted;
}

function templatePattern(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{[^}]+\}/g, '([^/]+)')}$`);
}

function describe(errors: ErrorObject[] | null | undefined): string {
  return (errors ?? [])
    .map((error) => `${error.instancePath || '/'} ${error.message}`)
    .slice(0, 5)
    .join('; ');
}

/**
 * Holds requests and answers against a vendor's OpenAPI 3.0 description, as Hono middleware. For tests. Throws when
 * the file can't be read.
 */
export function createSpecValidator(specPath: string, options: SpecValidatorOptions = {}): SpecValidator {
  const prefix = options.prefix ?? '/v1';
  const undocumented = options.undocumentedQuery ?? {};
  const isKnown = options.isKnownDeviation ?? (() => false);
  const spec = JSON.parse(readFileSync(specPath, 'utf8')) as {
    paths: Record<string, Record<string, Operation>>;
    components: Schema;
  };
  // Vendors escape more in their patterns than a `u` expression takes.
  const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: false, unicodeRegExp: false });
  (ajvFormats as unknown as (target: Ajv) => void)(ajv);
  for (const format of ['int32', 'int64', 'double', 'float', 'decimal']) ajv.addFormat(format, true);
  ajv.addSchema({ $id: 'spec', components: toJsonSchema(spec.components) });
  const coercing = new Ajv({
    strict: false,
    coerceTypes: 'array',
    validateFormats: false,
    unicodeRegExp: false,
  });

  function resolved<Part extends object>(part: Part | Reference): Part {
    if (!('$ref' in part)) return part;
    const names = part.$ref.split('/').slice(1);
    const found = names.reduce<unknown>((at, name) => (at as Schema | undefined)?.[name], spec);
    if (typeof found !== 'object' || found === null) throw new Error(`The description has no ${part.$ref}.`);
    return found as Part;
  }

  const compiled = new Map<unknown, ValidateFunction>();
  function validator(schema: Schema): ValidateFunction {
    let found = compiled.get(schema);
    if (!found) {
      const text = JSON.stringify(toJsonSchema(schema)).replaceAll('"#/components/', '"spec#/components/');
      found = ajv.compile(JSON.parse(text) as Schema);
      compiled.set(schema, found);
    }
    return found;
  }

  // Fixed paths before templates: /servers/actions is no server's id.
  const templates = Object.keys(spec.paths)
    .sort((a, b) => a.split('{').length - b.split('{').length)
    .map((template) => ({ template, pattern: templatePattern(template) }));

  function find(method: string, path: string): { name: string; operation: Operation } | undefined {
    for (const { template, pattern } of templates) {
      const operation = spec.paths[template]?.[method.toLowerCase()];
      if (operation && pattern.test(path)) return { name: `${method} ${template}`, operation };
    }
    return undefined;
  }

  function checkQuery(name: string, operation: Operation, query: URLSearchParams): SpecViolation[] {
    const known = (operation.parameters ?? [])
      .map((parameter) => resolved<Parameter>(parameter))
      .filter((parameter) => parameter.in === 'query');
    const found: SpecViolation[] = [];
    for (const key of new Set(query.keys())) {
      const parameter = known.find((candidate) => candidate.name === key);
      if (!parameter) {
        if (!undocumented[name]?.includes(key)) {
          found.push({ operation: name, where: 'query', message: `unknown parameter ${key}` });
        }
        continue;
      }
      const schema = (parameter.schema ?? {}) as Schema;
      const values = query.getAll(key);
      const holder = { value: schema.type === 'array' ? values : (values.at(-1) ?? '') };
      if (!coercing.validate({ properties: { value: toJsonSchema(schema) } }, holder)) {
        found.push({ operation: name, where: 'query', message: `${key}: ${describe(coercing.errors)}` });
      }
    }
    for (const parameter of known) {
      if (parameter.required && !query.has(parameter.name)) {
        found.push({ operation: name, where: 'query', message: `missing parameter ${parameter.name}` });
      }
    }
    return found;
  }

  function checkRequest(name: string, operation: Operation, text: string): SpecViolation[] {
    const schema = operation.requestBody?.content?.['application/json']?.schema;
    const violation = (message: string): SpecViolation[] => [{ operation: name, where: 'request', message }];
    if (!schema)
      return text.trim() === '' || text.trim() === '{}' ? [] : violation('a body where none is described');
    if (text.trim() === '') return operation.requestBody?.required ? violation('the body is missing') : [];
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return violation('the body is no JSON');
    }
    const validate = validator(schema);
    return validate(body) ? [] : violation(describe(validate.errors));
  }

  function checkAnswer(name: string, operation: Operation, status: number, body: unknown): SpecViolation[] {
    const described =
      operation.responses[status] ??
      operation.responses[`${Math.floor(status / 100)}xx`] ??
      // Said of failures alone: a success must be described.
      (status >= 400 ? operation.responses.default : undefined);
    if (!described) return [{ operation: name, where: 'status', message: `${status} is not described` }];
    const schema = resolved<Answer>(described).content?.['application/json']?.schema;
    if (!schema) {
      return body === undefined
        ? []
        : [{ operation: name, where: 'response', message: 'a body where none is described' }];
    }
    const validate = validator(schema);
    return validate(body) ? [] : [{ operation: name, where: 'response', message: describe(validate.errors) }];
  }

  function unknownPath(method: string, path: string): SpecViolation {
    return { operation: `${method} ${path}`, where: 'path', message: 'not in the description' };
  }

  const violations: SpecViolation[] = [];
  const seen = new Set<string>();
  return {
    violations,
    seen,
    async middleware(c, next) {
      const url = new URL(c.req.url);
      const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname;
      const requestText = c.req.method === 'GET' ? '' : await c.req.raw.clone().text();
      await next();
      const found = find(c.req.method, path);
      if (!found) {
        const unknown = unknownPath(c.req.method, path);
        if (!isKnown(unknown)) violations.push(unknown);
        return;
      }
      seen.add(found.name);
      const answerText = await c.res.clone().text();
      const body: unknown = answerText === '' ? undefined : JSON.parse(answerText);
      const said = [
        // What the cloud refused as wrong need not be right.
        ...(c.res.ok ? checkQuery(found.name, found.operation, url.searchParams) : []),
        ...(c.res.ok ? checkRequest(found.name, found.operation, requestText) : []),
        ...checkAnswer(found.name, found.operation, c.res.status, body),
      ];
      violations.push(...said.filter((violation) => !isKnown(violation)));
    },
    checkResponse(method, path, status, body) {
      const found = find(method, path);
      return found ? checkAnswer(found.name, found.operation, status, body) : [unknownPath(method, path)];
    },
  };
}
