//! What a plugin's process sees of its host's environment, asked of the kernel.

use std::{collections::BTreeMap, fs};

use crate::support::Host;

/// The variables with which a process was started.
fn environment_of(pid: u32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let variables = text.split('\0').filter_map(|entry| entry.split_once('='));
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// As in a host that is a plugin itself, started with everything there is.
const OF_THE_OUTER_HOST: [(&str, &str); 8] = [
    ("PLUGIN_PROTOCOL_VERSIONS", "77"),
    ("PLUGIN_MIN_PORT", "1"),
    ("PLUGIN_MAX_PORT", "2"),
    ("PLUGIN_CLIENT_CERT", "of the outer host"),
    ("PLUGIN_MULTIPLEX_GRPC", "true"),
    ("PLUGIN_UNIX_SOCKET_DIR", "/of-the-outer-host"),
    ("PLUGIN_UNIX_SOCKET_GROUP", "0"),
    ("OUTBOARD_OUTLIVE_HOST", "1"),
];

#[test]
fn nothing_that_the_host_was_told_by_its_own_host_reaches_its_plugin() {
    let mut outer = OF_THE_OUTER_HOST.to_vec();
    outer.push(("FOO", "of the host"));
    outer.push(("BAR", "of the host"));
    let host = Host::start(&["inherit-all", "set=FOO=of the caller"], &outer);
    let seen = environment_of(host.plugin_pid());
    for (name, value) in OF_THE_OUTER_HOST {
        assert_ne!(seen.get(name).map(String::as_str), Some(value), "{name}");
    }
    for absent in ["PLUGIN_UNIX_SOCKET_GROUP", "OUTBOARD_OUTLIVE_HOST"] {
        assert!(!seen.contains_key(absent), "{seen:?}");
    }
    assert_eq!(seen["PLUGIN_PROTOCOL_VERSIONS"], "1");
    assert_eq!(seen["PLUGIN_MIN_PORT"], "10000");
    assert_eq!(seen["PLUGIN_MAX_PORT"], "25000");
    let directory = host.socket_dir();
    assert_eq!(seen["PLUGIN_UNIX_SOCKET_DIR"], directory.to_str().unwrap());
    assert_eq!(seen["FIXTURE_PLUGIN"], "a cookie");
    assert_eq!(seen["FOO"], "of the caller", "the caller wins");
    assert_eq!(seen["BAR"], "of the host");
}

#[test]
fn without_being_asked_only_the_basics_are_inherited() {
    let secret = [("AWS_SECRET_ACCESS_KEY", "secret"), ("LC_TIME", "C")];
    let host = Host::start(&[], &secret);
    let seen = environment_of(host.plugin_pid());
    assert!(!seen.contains_key("AWS_SECRET_ACCESS_KEY"), "{seen:?}");
    assert_eq!(seen["LC_TIME"], "C");
    assert!(seen.contains_key("PATH"), "{seen:?}");
}

#[test]
fn a_plugin_that_outlives_its_host_is_told_so() {
    let mut host = Host::start(&["outlive"], &[]);
    let pid = host.plugin_pid();
    let seen = environment_of(pid);
    // A clean end of the host this time: it stops the plugin all the same.
    drop(host.process.stdin.take());
    host.process.wait().unwrap();
    assert_eq!(seen["OUTBOARD_OUTLIVE_HOST"], "1");
    assert!(!crate::support::is_alive(pid));
    assert!(!host.socket_dir().exists());
}
