/** Zocalo's recipes: workflows that are data, carried by their messages. */
export { DisconnectedError, RecipeError, SiteConfigError, TransportError } from '../errors.ts'
export { Metrics } from '../telemetry/metrics/metrics.ts'
export { TransportMetrics } from '../telemetry/metrics/transport-metrics.ts'
export { transportTracer } from '../telemetry/traces/trace-transport.ts'
export type { RecipeDefinition, RecipeStep, StepTargets } from './recipe/build-recipe.ts'
export { buildRecipe } from './recipe/build-recipe.ts'
export type { RecipeSource } from './recipe/recipe.ts'
export { Recipe } from './recipe/recipe.ts'
export { RECIPE_SCHEMA } from './recipe/recipe-schema.ts'
export { MetricsMiddleware } from './record/metrics-middleware.ts'
export type { RunEvent } from './record/run-recorder.ts'
export { RunRecorder } from './record/run-recorder.ts'
export { TracingMiddleware } from './record/tracing-middleware.ts'
export type { ServiceClass, ServiceOptions } from './service/common-service.ts'
export { CommonService } from './service/common-service.ts'
export type { FrontEndOptions } from './service/front-end.ts'
export { FrontEnd } from './service/front-end.ts'
export type { Needs, Probe } from './service/needs.ts'
export type { Block } from './site/block-fields.ts'
export { LoggingSetup } from './site/logging-setup.ts'
export type { FromStringOptions, SitePlugin } from './site/site-config.ts'
export { SiteConfig } from './site/site-config.ts'
export { ackWith } from './transport/ack-with.ts'
export type { MemoryOptions } from './transport/memory-transport.ts'
export { MemoryTransport } from './transport/memory-transport.ts'
export type { CallbackPlace, Middleware, TransportCall } from './transport/middleware.ts'
export { OfflineTransport } from './transport/offline-transport.ts'
export type { OpenTransportOptions } from './transport/open-transport.ts'
export { openTransport } from './transport/open-transport.ts'
export type { PikaOptions } from './transport/pika/pika-options.ts'
export { PikaTransport } from './transport/pika/pika-transport.ts'
export type { SqsTransportOptions } from './transport/sqs/sqs-options.ts'
export { SqsTransport } from './transport/sqs/sqs-transport.ts'
export type {
  BroadcastOptions,
  CallbackIntercept,
  MessageCallback,
  NackOptions,
  RecipeMessage,
  SendOptions,
  SettleOptions,
  SubscribeOptions,
  Transport,
  TransportFeatures,
  TransportHeader,
} from './transport/transport.ts'
export type { WrapperClass, WrapperEnvironment } from './wrapper/base-wrapper.ts'
export { BaseWrapper } from './wrapper/base-wrapper.ts'
export type { Mangle, WrapperOptions, WrapperSendOptions } from './wrapper/recipe-wrapper.ts'
export { RecipeWrapper } from './wrapper/recipe-wrapper.ts'
export type { LogExtender, RecipeCallback, WrapSubscribeOptions } from './wrapper/wrap-subscribe.ts'
export { wrapSubscribe, wrapSubscribeBroadcast } from './wrapper/wrap-subscribe.ts'
