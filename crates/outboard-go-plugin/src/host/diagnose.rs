//! A look at a program file before it is started, so that the error names the
//! cause and not a consequence.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::StartErrorKind;

/// Enough for an ELF header, and for an interpreter line of the longest kind
/// that Linux reads.
const HEAD: usize = 256;

/// Fails where starting `program` could only fail.
pub(super) fn preflight(program: &Path) -> Result<(), StartErrorKind> {
    let metadata = match fs::metadata(program) {
        Ok(metadata) => metadata,
        Err(error) if is_missing(&error) => {
            return Err(StartErrorKind::NotFound(program.to_owned()));
        }
        Err(error) => return Err(StartErrorKind::Io(error)),
    };
    if !metadata.is_file() {
        return Err(StartErrorKind::NotAFile(program.to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(StartErrorKind::NotExecutable(program.to_owned()));
        }
    }
    if cfg!(target_os = "linux") && !has_foreign_formats() {
        let mut head = [0; HEAD];
        // A program that may be executed but not read is started unseen.
        if let Ok(count) = read_head(program, &mut head) {
            check_format(program, &head[..count])?;
        }
    }
    Ok(())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn read_head(program: &Path, head: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(program)?;
    let mut count = 0;
    while count < head.len() {
        match file.read(&mut head[count..])? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

/// Whether the kernel was taught further formats, such as other machines'
/// programs through an emulator.
fn has_foreign_formats() -> bool {
    let Ok(entries) = fs::read_dir("/proc/sys/fs/binfmt_misc") else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name != "register" && name != "status"
    })
}

fn check_format(program: &Path, head: &[u8]) -> Result<(), StartErrorKind> {
    if let Some(rest) = head.strip_prefix(b"#!") {
        return check_interpreter(program, rest);
    }
    if head.starts_with(b"\x7fELF") && head.len() >= 20 {
        let machine = match head[5] {
            2 => u16::from_be_bytes([head[18], head[19]]),
            _ => u16::from_le_bytes([head[18], head[19]]),
        };
        let (name, rust_name) = machine_name(machine);
        // 32-bit programs of the same family run on a 64-bit machine.
        let compatible = rust_name == std::env::consts::ARCH
            || matches!(
                (rust_name, std::env::consts::ARCH),
                ("x86", "x86_64") | ("arm", "aarch64")
            );
        if compatible || rust_name.is_empty() {
            return Ok(());
        }
        let found = name.to_owned();
        return Err(StartErrorKind::WrongArchitecture {
            found,
            host: std::env::consts::ARCH,
        });
    }
    let foreign = if head.starts_with(b"MZ") {
        Some("Windows")
    } else if matches!(
        head.get(..4),
        Some([0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe])
    ) {
        Some("macOS")
    } else {
        None
    };
    match foreign {
        Some(system) => Err(StartErrorKind::WrongArchitecture {
            found: system.to_owned(),
            host: std::env::consts::OS,
        }),
        None => Err(StartErrorKind::UnknownFormat(program.to_owned())),
    }
}

fn check_interpreter(script: &Path, rest: &[u8]) -> Result<(), StartErrorKind> {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let interpreter = line.split_whitespace().next().unwrap_or_default();
    if interpreter.is_empty() || !Path::new(interpreter).exists() {
        return Err(StartErrorKind::NoInterpreter {
            script: script.to_owned(),
            interpreter: interpreter.to_owned(),
        });
    }
    Ok(())
}

/// A machine number of the ELF header: its usual name, and Rust's.
fn machine_name(machine: u16) -> (&'static str, &'static str) {
    match machine {
        3 => ("x86", "x86"),
        8 => ("mips", "mips"),
        20 => ("powerpc", "powerpc"),
        21 => ("powerpc64", "powerpc64"),
        22 => ("s390x", "s390x"),
        40 => ("arm", "arm"),
        62 => ("x86_64", "x86_64"),
        183 => ("aarch64", "aarch64"),
        243 => ("riscv64", "riscv64"),
        258 => ("loongarch64", "loongarch64"),
        _ => ("an unknown machine", ""),
    }
}
