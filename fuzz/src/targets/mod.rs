//! The targets, one file each.

mod broker_messages;
mod handshake_line;
mod log_line;
mod plugin_manifest;
mod workflow_file;

use crate::Target;

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "broker_messages",
        run: broker_messages::run,
        words: &[
            "\0\u{2}\u{8}\u{1}",
            "\0\u{6}\u{8}\u{1}\"\u{2}\u{8}\u{1}",
            "\0\u{6}\u{8}\u{1}\"\u{2}\u{10}\u{1}",
            "\u{2}\u{1}",
            "\u{3}\u{1}",
            "\u{4}\u{1}",
            "\u{5}\u{1}",
            "\u{6}\u{1}",
            "\u{7}\u{1}",
            "\u{12}\u{4}unix",
            "\u{1a}",
        ],
        rounds: 100_000,
    },
    Target {
        name: "handshake_line",
        run: handshake_line::run,
        words: &[
            "|",
            "1|1|",
            "unix",
            "tcp",
            "127.0.0.1:",
            "grpc",
            "netrpc",
            "true",
            "false",
            "\n",
        ],
        rounds: 200_000,
    },
    Target {
        name: "log_line",
        run: log_line::run,
        words: &[
            "{\"@level\":\"info\"",
            "\"@message\":",
            "\"@timestamp\":",
            "\"@module\":",
            "\\u001b",
            "[WARN]",
            "[ERROR] ",
            "panic: ",
            "thread '",
            " panicked at ",
            "\u{1b}[31m",
            "\n",
            "\r\n",
        ],
        rounds: 20_000,
    },
    Target {
        name: "plugin_manifest",
        run: plugin_manifest::run,
        words: &[
            "\"name\":",
            "\"version\":",
            "\"dependencies\":",
            "\"constraint\":",
            "\"capabilities\":",
            "\"contract\":",
            "\"stepTypes\":",
            "null",
            "[]",
            "{}",
            "^1.2",
            ">=0.1, <2",
            "||",
        ],
        rounds: 100_000,
    },
    Target {
        name: "workflow_file",
        run: workflow_file::run,
        words: &[
            "modules:\n",
            "pipelines:\n",
            "triggers:\n",
            "steps:\n",
            "  - ",
            "name: ",
            "type: ",
            "config: ",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "{{ ",
            " }}",
            "${",
            "30s",
            "? ",
            "|\n",
            "---\n",
            "%YAML 1.2\n",
            "\t",
        ],
        rounds: 20_000,
    },
];
