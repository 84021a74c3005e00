//! What these settings accept, refuse and show.

use clap::{CommandFactory, Parser};

use super::*;

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    sms: SmsArgs,
    #[command(flatten)]
    push: PushArgs,
    #[command(flatten)]
    gateway: GatewayArgs,
}

fn settings(arguments: &[&str]) -> Settings {
    Settings::try_parse_from([&["test"], arguments].concat()).expect("parses")
}

#[test]
fn without_credentials_each_transport_is_a_folder_that_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name| folder.path().join(name).display().to_string();
    let (mail, sms, push) = (path("deep/mail"), path("sms"), path("push"));
    let arguments = ["--mail-folder", &mail, "--sms-folder", &sms, "--push-folder", &push, "--smtp-url", ""];
    let settings = settings(&arguments);
    assert!(matches!(settings.mail.build(), Ok(Mailer::Folder { .. })));
    assert!(matches!(settings.sms.build(), Ok(SmsSender::Folder(_))));
    assert!(matches!(settings.push.build(), Ok(PushSender::Folder(_))));
    assert!(settings.mail.templates().is_ok());
    assert!(folder.path().join("deep/mail").is_dir());
}

#[test]
fn half_an_sms_account_is_refused_by_the_name_of_what_is_missing() {
    for (arguments, missing) in [
        (&["--sms-account-sid", "AC1"][..], "SMS_AUTH_TOKEN"),
        (&["--sms-auth-token", "t"], "SMS_ACCOUNT_SID"),
        (&["--sms-account-sid", "AC1", "--sms-auth-token", "t"], "SMS_FROM"),
    ] {
        let problem = settings(arguments).sms.build().expect_err(missing).to_string();
        assert!(problem.starts_with(missing), "{problem}");
    }
}

#[test]
fn a_missing_key_file_and_a_wrong_smtp_address_stop_the_start() {
    let settings = settings(&["--push-credentials-file", "/nowhere/key.json", "--smtp-url", "mail.example"]);
    assert!(settings.push.build().expect_err("no file").to_string().contains("/nowhere/key.json"));
    assert!(settings.mail.build().is_err());
}

#[test]
fn the_gateway_takes_rates_and_a_range_of_latencies() {
    let gateway = settings(&["--gateway-decline-rate", "0.1", "--gateway-latency", "50..200"]).gateway;
    assert_eq!(gateway.gateway_latency.slowest, Duration::from_millis(200));
    for bad in ["200..50", "50", "a..b", "1..2.."] {
        assert!(bad.parse::<Latency>().is_err(), "{bad}");
    }
    assert!(Settings::try_parse_from(["test", "--gateway-error-rate", "2"]).is_err());
    assert!(Settings::try_parse_from(["test", "--mail-deadline", "0"]).is_err());
}

#[test]
fn every_setting_is_explained_has_a_variable_and_secrets_hide_theirs() {
    let command = Settings::command();
    for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
        let id = argument.get_id().as_str();
        assert!(argument.get_help().is_some(), "{id}");
        assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(id.to_uppercase().as_str()));
        assert_eq!(
            argument.is_hide_env_values_set(),
            ["smtp_url", "sms_auth_token", "payment_api_key", "gateway_webhook_secret"].contains(&id),
            "{id}"
        );
    }
}
