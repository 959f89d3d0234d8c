/**
 * The runtimes of the lab. `2.x` pulls by the transfer service, as 2.1 and later do unless told otherwise; `2.x local` is
 * the same program with `use_local_image_pull = true`, the way of pulling of 2.0 and, in other words, of 1.x.
 */
export const runtimeLines = ['1.6', '1.7', '2.x', '2.x local'] as const;

/** One of them. */
export type RuntimeLine = (typeof runtimeLines)[number];
