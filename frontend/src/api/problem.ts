import type { components } from "./schema";

export type FieldError = components["schemas"]["FieldError"];
type ProblemBody = components["schemas"]["ProblemBody"];

type End<Type> = Type extends `https://tenantry.dev/problems/${infer Code}` ? Code : never;
/** The codes that the API's document has. */
export type Code = End<components["schemas"]["KnownProblemType"]>;

/** An answer that is none, in words for people. */
export class Failure extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The end of the problem's type; none where the server did not say why. A newer server may say another. */
  readonly code: Code | null;
  readonly errors: readonly FieldError[];
  /** To be named when one asks for help. */
  readonly requestId: string | null;
  /** Seconds after which to try again, if the server said so. */
  readonly retryAfter: number | null;

  constructor(message: string, about: Partial<Omit<Failure, keyof Error>> & { status: number }) {
    super(message);
    this.status = about.status;
    this.code = about.code ?? null;
    this.errors = about.errors ?? [];
    this.requestId = about.requestId ?? null;
    this.retryAfter = about.retryAfter ?? null;
  }

  static unreachable(): Failure {
    return new Failure("The server cannot be reached. Check the connection and try again.", {
      status: 0,
    });
  }

  static of(response: Response, body: unknown): Failure {
    const seconds = Number(response.headers.get("retry-after"));
    const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
    const { status } = response;
    if (!isProblem(body)) {
      return new Failure(`The server answered ${status} without saying why. Try again.`, {
        status,
        retryAfter,
      });
    }
    const code = body.type.slice(body.type.lastIndexOf("/") + 1) as Code;
    return new Failure(body.detail, {
      status,
      code,
      errors: body.errors ?? [],
      requestId: body.request_id,
      retryAfter,
    });
  }
}

function isProblem(body: unknown): body is ProblemBody {
  return (
    typeof body === "object" &&
    body !== null &&
    "type" in body &&
    typeof body.type === "string" &&
    "detail" in body &&
    typeof body.detail === "string" &&
    "request_id" in body &&
    typeof body.request_id === "string"
  );
}
