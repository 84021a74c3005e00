//! What `--help` says is part of the product.

use super::runner::run;

async fn help(arguments: &[&str]) -> String {
    let run = run("http://127.0.0.1:1", arguments, "").await;
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout
}

#[tokio::test]
async fn the_help_of_the_program_names_commands_examples_and_exit_codes() {
    insta::assert_snapshot!(help(&["--help"]).await);
}

#[tokio::test]
async fn the_help_of_submit_explains_running_again() {
    insta::assert_snapshot!(help(&["submit", "--help"]).await);
}

#[tokio::test]
async fn the_help_of_watch_and_adjust_shows_examples() {
    insta::assert_snapshot!(format!(
        "{}\n---\n{}",
        help(&["watch", "--help"]).await,
        help(&["products", "adjust", "--help"]).await
    ));
}

#[tokio::test]
async fn every_command_has_an_example() {
    for command in [
        "submit",
        "get",
        "list",
        "watch",
        "payment",
        "refund",
        "products",
        "stock",
        "import",
        "stats",
        "status",
        "outbox",
        "webhooks",
        "keys",
        "audit",
        "audit-log",
        "bench",
        "completions",
    ] {
        assert!(help(&[command, "--help"]).await.contains("Example"), "{command}");
    }
}

#[tokio::test]
async fn completions_know_the_commands_and_the_statuses() {
    for shell in ["bash", "zsh", "fish"] {
        let script = help(&["completions", shell]).await;
        assert!(script.contains("submit") && script.contains("delivered"), "{shell}");
    }
}
