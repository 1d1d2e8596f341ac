//! `tidegate runbook`: runbooks as documents, as plans, and carried out. What they mean is the crate
//! `runbook`, how they are carried out the crate `conductor`.

pub(crate) mod carry;
pub(crate) mod dead_man;
pub(crate) mod report;
pub(crate) mod say;
pub(crate) mod start;
mod status;
mod world;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use ::runbook::{DOCUMENT_BYTES_MAX, Options, Problem, format, import, lint, plan};
use conductor::Onlooker;
use evidence::Visible;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::{
    cli::{ImportArgs, LintArgs, PlanArgs, RunbookCommand, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// Carries the command out.
///
/// # Errors
/// Fails where a file can't be read or written.
pub(crate) async fn run(command: RunbookCommand, style: Style) -> Result<Exit, Failure> {
    let done = match command {
        RunbookCommand::Run(args) => return start::run(args, style).await,
        RunbookCommand::Resume(args) => return start::resume(args, style).await,
        RunbookCommand::DeadMan(args) => return dead_man::run(args, style).await,
        RunbookCommand::Status(args) => return status::run(args, style).await,
        RunbookCommand::Approve(args) => return say::approve(args, style).await,
        RunbookCommand::Hold(args) => return say::hold(args, style).await,
        RunbookCommand::Abort(args) => return say::abort(args, style).await,
        RunbookCommand::Report(args) => spawn_blocking(move || report::run(&args, style)),
        RunbookCommand::Import(args) => spawn_blocking(move || import_file(&args, style)),
        RunbookCommand::Lint(args) => spawn_blocking(move || lint_files(args, style)),
        RunbookCommand::Plan(args) => spawn_blocking(move || plan_file(args, style)),
    };
    done.await.map_err(|error| Failure::failed("the command broke off").because(error))?
}

/// Opens a run as it was written down until now.
///
/// # Errors
/// Fails where the folder is none of a run, or was changed.
pub(crate) fn open(dir: &Path) -> Result<Onlooker, Failure> {
    Onlooker::open(dir).map_err(|error| {
        let text = format!("{} can't be read as a run", Visible(dir.display()));
        Failure::usage(text).because(error)
    })
}

fn import_file(args: &ImportArgs, style: Style) -> Result<Exit, Failure> {
    let imported = match read(&args.file)?.and_then(|text| import(&text)) {
        Ok(imported) => imported,
        Err(problem) => return show(&args.file, &[problem], style),
    };
    if let Some(out) = &args.out {
        let cannot =
            |error| Failure::usage(format!("{} can't be written", shown(out))).because(error);
        let mut file = File::create_new(out).map_err(cannot)?;
        file.write_all(imported.text.as_bytes()).map_err(cannot)?;
    }
    let count = imported.inferred;
    match style {
        Style::Json => {
            let text = args.out.is_none().then_some(imported.text);
            console::document(&json!({
                "inferred": count, "text": text, "problems": imported.problems,
            }))?;
        }
        Style::Human if args.out.is_none() => console::verbatim(&imported.text),
        Style::Human => {}
    }
    if style == Style::Human {
        let made = args.out.as_ref().unwrap_or(&args.file);
        for problem in &imported.problems {
            console::note(&format!("{}: {problem}", shown(made)));
        }
    }
    console::note(&format!(
        "{count} marks were inferred; read each, and make `run?` `run:` once it is right"
    ));
    Ok(Exit::Done)
}

fn lint_files(args: LintArgs, style: Style) -> Result<Exit, Failure> {
    let options = args.instead.options();
    let mut is_sound = true;
    let mut documents = Vec::new();
    for file in &args.files {
        let problems = match read(file)? {
            Ok(text) if args.fix => fixed(file, &text, &options)?,
            Ok(text) => lint(&text, &options),
            Err(problem) => vec![problem],
        };
        let is_good = !problems.iter().any(Problem::is_fault);
        is_sound &= is_good;
        match style {
            Style::Human => print(file, &problems),
            Style::Json => documents.push(json!({
                "file": file.display().to_string(), "sound": is_good, "problems": problems,
            })),
        }
    }
    if style == Style::Json {
        console::document(&json!({"sound": is_sound, "files": documents}))?;
    } else if is_sound {
        console::conclude(&format!("Sound: {}", counted(args.files.len())));
    }
    Ok(if is_sound { Exit::Done } else { Exit::Failed })
}

fn counted(files: usize) -> String {
    if files == 1 { "one runbook".to_owned() } else { format!("{files} runbooks") }
}

/// Writes the document in its one form, where it has another, and says what is wrong with it then.
fn fixed(file: &Path, text: &str, options: &Options) -> Result<Vec<Problem>, Failure> {
    let formatted = match format(text) {
        Ok(formatted) => formatted,
        Err(problem) => return Ok(vec![problem]),
    };
    if formatted != text {
        let cannot =
            |error| Failure::usage(format!("{} can't be written", shown(file))).because(error);
        replace(file, &formatted).map_err(cannot)?;
        console::note(&format!("{}: marks and settings have one form now", shown(file)));
    }
    Ok(lint(&formatted, options))
}

/// Writes a text in the place of a file, where a link leads to it: beside it under a name that nothing
/// has, and then renamed, so that never is there half a document.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let parent = file.parent().unwrap_or(Path::new("/"));
    let mut beside = NamedTempFile::new_in(parent)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    beside.as_file().sync_all()?;
    beside.persist(&file)?;
    Ok(())
}

fn plan_file(args: PlanArgs, style: Style) -> Result<Exit, Failure> {
    let options = args.instead.options();
    let planned = match read(&args.file)? {
        Ok(text) => plan(&text, &options),
        Err(problem) => return show(&args.file, &[problem], style),
    };
    let Some(plan) = planned.plan else {
        return show(&args.file, &planned.problems, style);
    };
    let no_json = |error| Failure::failed("no JSON can be made of it").because(error);
    match style {
        Style::Human => {
            for problem in &planned.problems {
                console::note(&format!("{}: {problem}", shown(&args.file)));
            }
            console::conclude(&plan.to_string());
        }
        Style::Json => {
            let digest = plan.digest().map_err(no_json)?;
            let canonical = plan.canonical().map_err(no_json)?;
            console::document(&json!({
                "digest": digest, "canonical": canonical, "plan": plan, "problems": planned.problems,
            }))?;
        }
    }
    Ok(Exit::Done)
}

/// Shows why there is nothing else to show.
fn show(file: &Path, problems: &[Problem], style: Style) -> Result<Exit, Failure> {
    match style {
        Style::Human => print(file, problems),
        Style::Json => console::document(&json!({"sound": false, "problems": problems}))?,
    }
    Ok(Exit::Failed)
}

/// Returns the name of a file as it may be shown.
fn shown(file: &Path) -> Visible<std::path::Display<'_>> {
    Visible(file.display())
}

pub(crate) fn print(file: &Path, problems: &[Problem]) {
    for problem in problems {
        console::conclude(&format!("{}: {problem}", shown(file)));
    }
}

/// Reads a document, no more of it than one may have.
pub(crate) fn read(file: &Path) -> Result<Result<String, Problem>, Failure> {
    let cannot = |error| Failure::usage(format!("{} can't be read", shown(file))).because(error);
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(cannot)?;
    opened.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let text = format!("the document has more than {DOCUMENT_BYTES_MAX} bytes");
        return Ok(Err(Problem::fault(1, "too-large", text)));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem::fault(line, "not-text", "the line is no UTF-8 text")
    }))
}
