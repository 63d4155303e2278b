/**
 * The header with a call's fairness key. It travels with the message, so that a retry, a replay or a delayed message has
 * the same; where queues are fair (SQS) its messages are a group that keeps no other waiting.
 */
export const FAIRNESS_HEADER = 'fairness_key'
