//! A plugin with no service of its own, that behaves as its arguments say: what
//! the tests of the host start as a real process.

use std::{io::Write as _, process::ExitCode, time::Duration};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{Network, ServeConfig, run, take_over_stdout},
    transport::Services,
};

// A grandchild that nobody looks after is what one of the tests is about.
#[allow(clippy::zombie_processes)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wish: &str| arguments.iter().any(|argument| argument == wish);
    let value = |prefix: &str| {
        let found = arguments
            .iter()
            .find_map(|argument| argument.strip_prefix(prefix));
        found.map(str::to_owned)
    };
    let handshake = HandshakeConfig::new("FIXTURE_PLUGIN", "a cookie", 1);
    if has("print-early") {
        // As an initializer of a library might, before `main` even runs.
        take_over_stdout().expect("take standard output over");
        println!("printed before the handshake");
    }
    let mut config = ServeConfig::versioned(handshake, [1, 2], |_| Services::new());
    if has("tcp") {
        config = config.network(Network::Tcp);
    }
    if has("hook") {
        config = config.on_shutdown(|| async {
            println!("printed by the hook");
            eprintln!("[INFO] the hook ran");
        });
    }
    if let Some(path) = value("hook-in=") {
        config = config.on_shutdown(move || {
            eprintln!("[INFO] the hook runs");
            std::fs::write(&path, "").expect("a file");
            std::future::ready(())
        });
    }
    if has("slow-hook") {
        config = config
            .drain_timeout(Duration::from_secs(20))
            .on_shutdown(|| async {
                tokio::time::sleep(Duration::from_millis(700)).await;
                eprintln!("[INFO] the slow hook is done");
            });
    }
    if has("print-at-the-end") {
        config = config.on_shutdown(|| async {
            for line in 0..1000 {
                println!(
                    "line {line:04} {}",
                    "of what is printed at the end ".repeat(2)
                );
            }
            print!("and no line feed");
        });
    }
    if let Some(path) = value("chatter=") {
        let path = std::path::PathBuf::from(path);
        // What it prints must not come before the handshake.
        take_over_stdout().expect("take standard output over");
        std::thread::spawn(move || chatter(&path));
    }
    if has("stuck-hook") {
        config = config.on_shutdown(|| async { std::future::pending().await });
    }
    if has("crash-soon") {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            eprintln!("[ERROR] about to crash");
            std::process::exit(7);
        });
    }
    if has("grandchild") {
        let child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .expect("sleep");
        eprintln!("[INFO] grandchild {}", child.id());
    }
    if has("escaped-grandchild") {
        // In a session of its own, with our standard error.
        let child = std::process::Command::new("setsid")
            .args(["sleep", "1000"])
            .spawn()
            .expect("setsid");
        eprintln!("[INFO] grandchild {}", child.id());
    }
    if let Some(path) = value("grandchild-in=") {
        let child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .expect("sleep");
        std::fs::write(path, child.id().to_string()).expect("a file");
    }
    if let Some(path) = value("talk-after=") {
        std::thread::spawn(move || {
            while !std::path::Path::new(&path).exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            // More than fits into any pipe.
            for line in 0..20_000 {
                eprintln!("[INFO] line {line} that nobody reads");
                println!("line {line} that nobody reads");
            }
            std::fs::write(format!("{path}.done"), "").expect("a file");
        });
    }
    if let Some(path) = value("hungry-after=") {
        std::thread::spawn(move || {
            while !std::path::Path::new(&path).exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let mut eaten = Vec::new();
            loop {
                eaten.push(std::hint::black_box(vec![1u8; 1024 * 1024]));
            }
        });
    }
    if has("flood") {
        for line in 0..50_000 {
            println!("line {line} of a flood of output that nobody may have to wait for");
        }
        let _ = std::io::stdout().flush();
    }
    if has("own-executable") {
        // As a plugin that hashes itself, or reads what was appended to it.
        let path = std::env::current_exe().expect("a path");
        let length = std::fs::read(&path).map(|bytes| bytes.len());
        let direct = std::fs::read("/proc/self/exe").map(|bytes| bytes.len());
        let started_as = std::env::args().next().expect("a name");
        eprintln!("[INFO] executable {}", path.display());
        eprintln!("[INFO] started as {started_as}");
        eprintln!("[INFO] length {length:?} or {direct:?}");
    }
    if has("environment") {
        for (name, value) in std::env::vars() {
            eprintln!("[INFO] {name}={value}");
        }
        eprintln!(
            "[INFO] cwd={}",
            std::env::current_dir().expect("a directory").display()
        );
    }
    run(config)
}

/// Prints and logs without an end, with the macros that panic if that fails,
/// and tells in a file how far it came.
fn chatter(path: &std::path::Path) {
    for number in 0_u64.. {
        println!("printed {number}");
        eprintln!("[INFO] logged {number}");
        if number % 100 == 0 {
            std::fs::write(path, number.to_string()).expect("write the number");
        }
    }
}
