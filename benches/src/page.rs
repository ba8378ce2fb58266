//! The figures of a run in `docs/benchmarks.md`, between two marks.

use std::{fs, process::Command};

use outboard_interop::tools;

use crate::{Failure, plan::Plan, report::Report};

const PAGE: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- figures: `cargo xtask bench --publish` writes this part -->\n";
const END: &str = "<!-- end of the figures -->\n";

/// Puts the table, and what it was measured on, in the place of the old one.
pub(crate) fn publish(report: &Report, plan: &Plan) -> Result<(), Failure> {
    let path = tools::repository().join(PAGE);
    let page = fs::read_to_string(&path)?;
    let figures = format!("{}\n\n{report}", circumstances(plan)?);
    let page = replaced(&page, &figures)
        .ok_or_else(|| format!("{PAGE} lacks the marks between which figures stand"))?;
    fs::write(&path, page)?;
    eprintln!("written to {PAGE}");
    Ok(())
}

fn replaced(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}

fn circumstances(plan: &Plan) -> Result<String, Failure> {
    let kernel = rustix::system::uname();
    let (system, release) = (kernel.sysname(), kernel.release());
    let release = release.to_string_lossy();
    let processors = std::thread::available_parallelism()?;
    let rustc = said_by(Command::new("rustc").arg("--version"))?;
    let go = said_by(Command::new("go").args(["env", "GOVERSION"]))?;
    let module = tools::repository().join("interop/go");
    let version = |module_path: &str| {
        said_by(
            Command::new("go")
                .args(["list", "-m", "-f", "{{.Version}}", module_path])
                .current_dir(&module),
        )
    };
    Ok(format!(
        "Measured on {} {} with {processors} processors, {}, {go}, go-plugin {} on grpc-go {}, in {} \
         rounds.",
        system.to_string_lossy(),
        release.split('-').next().unwrap_or_default(),
        rustc.split(" (").next().unwrap_or_default(),
        version("github.com/hashicorp/go-plugin")?,
        version("google.golang.org/grpc")?,
        plan.rounds,
    ))
}

fn said_by(command: &mut Command) -> Result<String, Failure> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_figures_take_the_place_of_old_ones_and_nothing_else() {
        let page = format!("# Title\n\n{BEGIN}\nold\n\n{END}\nThe rest.\n");
        let new = replaced(&page, "new\n").expect("a page");
        assert_eq!(
            new,
            format!("# Title\n\n{BEGIN}\nnew\n\n{END}\nThe rest.\n")
        );
        assert_eq!(replaced("# Title\n", "new\n"), None);
    }

    #[test]
    fn the_page_has_the_marks() {
        let page = fs::read_to_string(tools::repository().join(PAGE)).expect("the page");
        assert!(replaced(&page, "").is_some());
    }
}
