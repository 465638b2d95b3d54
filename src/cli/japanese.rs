//! The frame of the help and of the messages about a wrong command line, in Japanese: the library's own are English.

use std::num::{IntErrorKind, ParseIntError};

use clap::{
    Arg, ArgAction, Command, Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

const TEMPLATE: &str = "\
{before-help}{about-with-newline}
使い方: {usage}

{all-args}{after-help}";

/// Behind every argument of our own.
const LAST: usize = 999;

/// The command and all below it with Japanese headings.
pub(super) fn japanese(command: Command) -> Command {
    let has_subcommands = command.has_subcommands();
    let mut declared = 0;
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading("コマンド")
        .next_help_heading("オプション")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .mut_args(|arg| {
            let heading = if arg.is_positional() {
                "引数"
            } else {
                "オプション"
            };
            declared += 1;
            arg.help_heading(heading).display_order(declared)
        })
        .arg(
            Arg::new("help")
                .display_order(LAST)
                .short('h')
                .long("help")
                .help("この説明を表示する")
                .action(ArgAction::Help),
        );
    if command.get_version().is_some() {
        command = command.disable_version_flag(true).arg(
            Arg::new("version")
                .display_order(LAST)
                .short('V')
                .long("version")
                .help("版を表示する")
                .action(ArgAction::Version),
        );
    }
    if has_subcommands {
        command = command.mut_subcommands(japanese);
    }
    command
}

/// What is wrong with the command line, and how it is used.
pub(super) fn message(error: &Error) -> String {
    let mut lines = vec![format!("chukan: {}", what(error))];
    let proposed = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    let proposed: Vec<_> = proposed
        .into_iter()
        .filter_map(|kind| said(error, kind))
        .collect();
    if !proposed.is_empty() {
        lines.push(format!("もしかして: {}", proposed.join("、")));
    }
    if let Some(valid) = said(error, ContextKind::ValidValue).filter(|valid| !valid.is_empty()) {
        lines.push(format!("指定できる値: {valid}"));
    }
    if let Some(usage) = error.get(ContextKind::Usage) {
        let usage = text(usage);
        let usage = usage.trim_start_matches("Usage:").trim();
        lines.push(format!("\n使い方: {usage}"));
    }
    lines.push("詳しくは --help を付けて実行してください".to_owned());
    lines.join("\n")
}

fn what(error: &Error) -> String {
    let argument = said(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = said(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => format!("「{argument}」という引数はありません"),
        ErrorKind::InvalidSubcommand => {
            let name = said(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("「{name}」というコマンドはありません")
        }
        ErrorKind::MissingSubcommand => "コマンドを指定してください".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("「{argument}」を指定してください"),
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("「{argument}」には値が必要です")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(|why| match why.downcast_ref() {
                Some(number) => no_number(number),
                None => why.to_string(),
            });
            let why = why.map(|why| format!("（{why}）")).unwrap_or_default();
            format!("「{argument}」の値「{value}」は正しくありません{why}")
        }
        ErrorKind::NoEquals => format!("「{argument}」の値は = でつないで指定してください"),
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("「{argument}」の値の数が正しくありません")
        }
        ErrorKind::ArgumentConflict => match said(error, ContextKind::PriorArg) {
            Some(other) if other != argument => {
                format!("「{argument}」は「{other}」と一緒には指定できません")
            }
            _ => format!("「{argument}」が2回以上指定されています"),
        },
        ErrorKind::InvalidUtf8 => "UTF-8として読めない引数があります".to_owned(),
        // The library may add kinds; its own words are better than none.
        other => other
            .as_str()
            .unwrap_or("コマンドラインが正しくありません")
            .to_owned(),
    }
}

fn no_number(error: &ParseIntError) -> String {
    match error.kind() {
        IntErrorKind::PosOverflow => "大きすぎます",
        IntErrorKind::NegOverflow => "小さすぎます",
        _ => "整数ではありません",
    }
    .to_owned()
}

fn said(error: &Error, kind: ContextKind) -> Option<String> {
    error.get(kind).map(text)
}

fn text(value: &ContextValue) -> String {
    let plain = |styled: &StyledStr| styled.to_string();
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join("、"),
        ContextValue::StyledStr(styled) => plain(styled),
        ContextValue::StyledStrs(styled) => styled.iter().map(plain).collect::<Vec<_>>().join("、"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;
    use crate::cli::Cli;

    fn told(arguments: &[&str]) -> String {
        let called = [&["chukan"], arguments].concat();
        let refused = japanese(Cli::command())
            .try_get_matches_from(called)
            .unwrap_err();
        message(&refused)
    }

    #[test]
    fn every_command_is_sound_and_has_its_help_in_japanese() {
        fn check(command: &mut Command) {
            let help = command.render_long_help().to_string();
            for english in [
                "Usage:",
                "Options:",
                "Commands:",
                "Arguments:",
                "Print help",
            ] {
                assert!(!help.contains(english), "{}: {help}", command.get_name());
            }
            assert!(help.contains("使い方: "), "{help}");
            command.get_subcommands_mut().for_each(check);
        }
        let mut command = japanese(Cli::command());
        command.build();
        command.clone().debug_assert();
        check(&mut command);
    }

    #[test]
    fn a_wrong_command_line_is_explained_with_its_remedy() {
        for (arguments, part) in [
            (
                vec!["serve", "--bogus"],
                "「--bogus」という引数はありません",
            ),
            (vec!["srve"], "もしかして: serve"),
            (
                vec!["serve", "--people", "3"],
                "「--people <PEOPLE>」の値「3」は正しくありません",
            ),
            (
                vec!["people", "show", "abc"],
                "「<INDEX>」の値「abc」は正しくありません（整数ではありません）",
            ),
            (
                vec!["serve", "--people"],
                "「--people <PEOPLE>」には値が必要です",
            ),
            (
                vec!["serve", "--data", "a", "--data", "b"],
                "「--data <DIR>」が2回以上指定されています",
            ),
            (vec!["ledger", "verify"], "を指定してください"),
            (vec!["completions", "shell"], "指定できる値: bash"),
        ] {
            let said = told(&arguments);
            assert!(said.contains(part), "{said}");
            assert!(said.contains("--help"), "{said}");
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for (argument, kind) in [
            ("--help", ErrorKind::DisplayHelp),
            ("--version", ErrorKind::DisplayVersion),
        ] {
            let shown = japanese(Cli::command()).try_get_matches_from(["chukan", argument]);
            assert_eq!(shown.unwrap_err().kind(), kind);
        }
    }
}
