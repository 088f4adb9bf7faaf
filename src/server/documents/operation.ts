/** One route, as the OpenAPI document describes it. */
import type { z } from "zod";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { ShapeName } from "./schemas.ts";

export interface Operation {
  readonly method: "get" | "post" | "patch" | "delete";
  /** As OpenAPI writes it. A name in braces stands for a string. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ShapeName;
  /** The body may be left out. */
  readonly bodyOptional?: true;
  /** By status. Each `data:` of an event stream has its shape. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** The errors that it has beyond those of every route. */
  readonly errors?: readonly ErrorCode[];
  /** Answered without a sign-in. */
  readonly open?: true;
}

export interface Answer {
  readonly description: string;
  readonly json?: ShapeName;
  readonly stream?: ShapeName;
  readonly text?: string;
}
