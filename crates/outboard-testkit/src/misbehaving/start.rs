//! Everything up to the handshake line, and who serves after it.

use std::{
    env, fs,
    os::unix::net::UnixListener,
    path::PathBuf,
    process::{self, Command},
    thread,
    time::Duration,
};

use super::{fault::Fault, output, report::Writer, server, tls::Protection};

pub(super) fn run(fault: Fault, mut report: Writer) {
    let directory = match env::var_os("PLUGIN_UNIX_SOCKET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => env::temp_dir(),
    };
    report.say("socket-directory", directory.display());
    before_handshake(fault, &mut report);

    let socket = match fault {
        Fault::SocketElsewhere => env::temp_dir(),
        _ => directory,
    }
    .join(format!("misbehaving-{}", process::id()));
    report.say("socket", socket.display());
    let listener = UnixListener::bind(&socket).expect("a socket");
    let path = socket.display();
    let protection = Protection::new(fault);
    let certificate = &protection.field;
    let line = match fault {
        Fault::WrongCoreVersion => format!("9|1|unix|{path}|grpc|{certificate}\n"),
        Fault::WrongAppVersion => format!("1|7|unix|{path}|grpc|{certificate}\n"),
        Fault::SpeaksNetRpc => format!("1|1|unix|{path}|netrpc|\n"),
        Fault::UnknownProtocol => format!("1|1|unix|{path}|carrier-pigeon|{certificate}\n"),
        Fault::UnknownNetwork => format!("1|1|vsock|{path}|grpc|{certificate}\n"),
        Fault::UnaskedCertificate => format!("1|1|unix|{path}|grpc|{}\n", "A".repeat(60)),
        Fault::BrokenCertificate => format!("1|1|unix|{path}|grpc|{}\n", "*".repeat(60)),
        Fault::NobodyListens => format!("1|1|unix|{path}-not|grpc|{certificate}\n"),
        Fault::PretendsToMultiplex => format!("1|1|unix|{path}|grpc|{certificate}|true\n"),
        _ => format!("1|1|unix|{path}|grpc|{certificate}\n"),
    };
    output::print(line.as_bytes()).expect("a host that reads");

    match fault {
        Fault::ExitsAfterHandshake => process::exit(4),
        Fault::HangsAfterHandshake => forever(),
        _ => {}
    }
    if fault == Fault::LeavesChild {
        leave_child(&mut report);
    }
    output::misbehave(fault);
    server::serve(fault, listener, socket, protection, report);
}

fn before_handshake(fault: Fault, report: &mut Writer) {
    match fault {
        Fault::ExitsAtOnce => {
            let _ = output::log(b"no database\n");
            process::exit(3);
        }
        Fault::LeavesChildWithOutput => {
            let _ = output::log(b"no database\n");
            leave_child(report);
            process::exit(3);
        }
        Fault::Aborts => process::abort(),
        Fault::PrintsGarbage => {
            let _ = output::print(b"hello world\n");
            forever();
        }
        Fault::PrintsGarbageWithoutEnd => {
            while output::print(&[0; 4096]).is_ok() {}
            forever();
        }
        Fault::ClosesOutput => {
            let nowhere = fs::File::options().write(true).open("/dev/null");
            rustix::stdio::dup2_stdout(nowhere.expect("/dev/null")).expect("another output");
            forever();
        }
        Fault::HangsBeforeHandshake => forever(),
        Fault::PrintsLinesFirst => {
            let _ = output::print(b"one\n\ntwo | with | bars\n");
        }
        _ => {}
    }
}

/// A child that keeps the output it inherits.
// That nobody looks after it is the fault.
#[allow(clippy::zombie_processes)]
fn leave_child(report: &mut Writer) {
    let child = Command::new("sleep").arg("100").spawn().expect("sleep");
    report.say("child", child.id());
}

pub(super) fn forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1000));
    }
}
