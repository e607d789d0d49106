import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "./event_pb.js";
import { frameRecord } from "./record.js";

/** What an event file starts with. @param time seconds since the epoch */
export function encodeStart(time: number): Uint8Array {
  return encodeEvent({ wallTime: time, what: { case: "fileVersion", value: "brain.Event:2" } });
}

/** Values of a step by their names, as `{ "train/loss": 0.31 }`. @param time seconds since the epoch */
export function encodeScalars(time: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const value = Object.entries(scalars).map(([tag, value]) => ({ tag, value: { case: "simpleValue" as const, value } }));
  return encodeEvent({ wallTime: time, step: BigInt(step), what: { case: "summary", value: { value } } });
}

const encodeEvent = (event: MessageInitShape<typeof EventSchema>) => frameRecord(toBinary(EventSchema, create(EventSchema, event)));
