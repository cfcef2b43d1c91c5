"""The messages of TensorBoard's event files, as far as rlx writes and reads them.

A table instead of generated modules: those that are published come with libraries which import torch, and who only follows a
training, or reads its times, has no use for that. The fields and numbers are those of ``event.proto``, ``summary.proto``,
``tensor.proto`` (TensorFlow) and ``plugins/hparams/{api,plugin_data}.proto`` (TensorBoard). Fields have presence, as of
proto2: a 0 that was set is written. A map is what it is on the wire: repeated pairs.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "rlx_events"
_FIELDS = {
    "PluginData": "1 plugin_name string, 2 content bytes",
    "Metadata": "1 plugin_data PluginData",
    "Image": "1 height int32, 2 width int32, 3 colorspace int32, 4 encoded_image_string bytes",
    "Dimension": "1 size int64",
    "Shape": "2 dim Dimension*",
    "Tensor": "1 dtype int32, 2 tensor_shape Shape, 4 tensor_content bytes, 5 float_val float*, 8 string_val bytes*",
    "Value": "1 tag string, 2 simple_value float, 4 image Image, 8 tensor Tensor, 9 metadata Metadata",
    "Summary": "1 value Value*",
    "SessionLog": "1 status int32",
    "Event": "1 wall_time double, 2 step int64, 3 file_version string, 5 summary Summary, 7 session_log SessionLog",
    "Setting": "2 number_value double, 3 string_value string, 4 bool_value bool",
    "NamedSetting": "1 key string, 2 value Setting",
    "SettingInfo": "1 name string, 4 type int32",
    "MetricName": "1 group string, 2 tag string",
    "MetricInfo": "1 name MetricName, 3 display_name string",
    "Experiment": "4 hparam_infos SettingInfo*, 5 metric_infos MetricInfo*",
    "SessionStart": "1 hparams NamedSetting*, 4 group_name string, 5 start_time_secs double",
    "SessionEnd": "1 status int32, 2 end_time_secs double",
    "HParams": "2 experiment Experiment, 3 session_start_info SessionStart, 4 session_end_info SessionEnd",
}
"""By message: number, name and type of each field; ``*``: repeated."""
_KINDS = {
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for told in fields.split(", "):
            number, field, kind = told.split()
            added = message.field.add(name=field, number=int(number))
            added.label = added.LABEL_REPEATED if kind.endswith("*") else added.LABEL_OPTIONAL
            plain = kind.rstrip("*")
            if plain in _KINDS:
                added.type = _KINDS[plain]
            else:
                added.type, added.type_name = added.TYPE_MESSAGE, f".{_PACKAGE}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _FIELDS}


MESSAGES = _classes()
"""The class of each message, by name."""
Event, Summary, Value = MESSAGES["Event"], MESSAGES["Summary"], MESSAGES["Value"]
HParams, SessionLog = MESSAGES["HParams"], MESSAGES["SessionLog"]
