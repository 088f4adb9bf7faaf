/** Requests as OpenTelemetry sees them: in the trace that a client's `traceparent` names, with a span of their own. */
import type { IncomingMessage } from "node:http";
import { type Context, context, propagation, SpanKind, trace } from "@opentelemetry/api";
import type { RequestHandler } from "express";

/** Returns the app's own span if there is one, otherwise the client's trace. */
export function traceOf({ headers }: IncomingMessage): Context {
  const active = context.active();
  return trace.getSpan(active) ? active : propagation.extract(active, headers);
}

/** A span for each request, from here to the end of its response. */
export const traced: RequestHandler = (request, response, next) => {
  const parent = traceOf(request);
  const { method } = request;
  const options = { kind: SpanKind.SERVER, attributes: { "http.request.method": method } };
  const span = trace.getTracer("langgraph-sluice").startSpan(method, options, parent);
  response.once("close", () => {
    // Paths contain ids of threads, so the route is used instead.
    const route = typeof request.route?.path === "string" ? `${request.baseUrl}${request.route.path}` : undefined;
    if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute("http.route", route);
    span.setAttribute("http.response.status_code", response.statusCode).end();
  });
  context.with(trace.setSpan(parent, span), next);
};
