import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message with its values, as what writes its fields. */
type Message = (writer: BinaryWriter) => void;

/** The values of a field, by protobuf's types; `strings` and `messages` are repeated, `int64s` packed. */
interface FieldValues {
  string: string;
  strings: readonly string[];
  bytes: Uint8Array;
  int64: number;
  int64s: readonly number[];
  float: number;
  double: number;
  message: Message;
  messages: readonly Message[];
}
type FieldType = keyof FieldValues;

/** Writes a field with its number. */
type Write<T> = (writer: BinaryWriter, number: number, value: T) => void;

const repeated =
  <T>(write: Write<T>): Write<readonly T[]> =>
  (writer, number, values) => {
    for (const value of values) write(writer, number, value);
  };

const string: Write<string> = (writer, number, value) => writer.tag(number, WireType.LengthDelimited).string(value);

const message: Write<Message> = (writer, number, write) => {
  write(writer.tag(number, WireType.LengthDelimited).fork());
  writer.join();
};

const writers: { readonly [type in FieldType]: Write<FieldValues[type]> } = {
  string,
  strings: repeated(string),
  bytes: (writer, number, value) => writer.tag(number, WireType.LengthDelimited).bytes(value),
  int64: (writer, number, value) => writer.tag(number, WireType.Varint).int64(value),
  int64s(writer, number, values) {
    message(writer, number, () => {
      for (const value of values) writer.int64(value);
    });
  },
  float: (writer, number, value) => writer.tag(number, WireType.Bit32).float(value),
  double: (writer, number, value) => writer.tag(number, WireType.Bit64).double(value),
  message,
  messages: repeated(message),
};

/**
 * Declares a message of protobuf by the numbers and types of its fields, in ascending order: `defineMessage({ name: [1, "string"] })`.
 * @returns a function that takes the values. A field without one is left out; so are an empty string, an empty list and an int64 of 0, as
 * proto3 does. A float or double is written even if it is 0, as in a oneof.
 */
export function defineMessage<const F extends Readonly<Record<string, readonly [number: number, type: FieldType]>>>(
  fields: F,
): (values: { readonly [name in keyof F]?: FieldValues[F[name][1]] | undefined }) => Message {
  return (values) => (writer) => {
    for (const [name, [number, type]] of Object.entries(fields)) {
      const value = values[name];
      const isEmpty = value === undefined || (value as string | readonly unknown[]).length === 0 || (type === "int64" && value === 0);
      if (!isEmpty) (writers[type] as Write<unknown>)(writer, number, value);
    }
  };
}

/** The bytes of a message. @throws RangeError above 2 GiB */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new BinaryWriter();
  message(writer);
  return writer.finish();
}
