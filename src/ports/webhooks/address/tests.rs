//! The table of tricky addresses.

use super::*;

fn parse(text: &str) -> Result<EndpointUrl, InvalidUrl> {
    EndpointUrl::parse(text, AddressRules::default())
}

#[test]
fn public_addresses_may_be_called() {
    for good in [
        "https://partner.example/webhooks",
        "https://partner.example:8443/a?b=c",
        "https://8.8.8.8/",
        "https://172.15.255.255/",
        "https://172.32.0.1/",
        "https://100.63.255.255/",
        "https://100.128.0.1/",
        "https://192.167.255.255/",
        "https://223.255.255.255/",
        "https://[2606:4700:4700::1111]/",
        "https://[2a00:1450:4001:82a::200e]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://xn--bcher-kva.example/",
        "https://bücher.example/",
        "https://localhost.example/",
        "https://10.0.0.1.example/",
        "https://internal.example/",
    ] {
        assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
    }
}

#[test]
fn no_way_of_writing_it_leads_into_our_own_network() {
    for bad in [
        // loopback, plainly and in disguise
        "https://127.0.0.1/",
        "https://127.255.255.254/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://①②⑦.⓪.⓪.①/",
        "https://１２７.０.０.１/",
        "https://127。0。0。1/",
        "https://%31%32%37.0.0.1/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[0:0:0:0:0:ffff:127.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[64:ff9b:1::127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        // "this host"
        "https://0.0.0.0/",
        "https://0/",
        "https://0.1.2.3/",
        "https://[::]/",
        // private
        "https://10.0.0.1/",
        "https://10.255.255.255/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.0.1/",
        "https://3232235521/",
        "https://100.64.0.1/",
        "https://[fc00::1]/",
        "https://[fd12:3456::1]/",
        "https://[fec0::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::192.168.0.1]/",
        // link-local and the metadata of clouds: AWS, GCP, Azure, Oracle, Alibaba
        "https://169.254.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://2852039166/",
        "https://[fe80::1]/",
        "https://[febf::1]/",
        "https://[fd00:ec2::254]/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://100.100.100.200/",
        "https://metadata.google.internal/",
        // multicast, broadcast, reserved, documentation, benchmarking
        "https://224.0.0.1/",
        "https://239.255.255.250/",
        "https://255.255.255.255/",
        "https://240.0.0.1/",
        "https://192.0.2.1/",
        "https://198.51.100.1/",
        "https://203.0.113.1/",
        "https://198.18.0.1/",
        "https://198.19.255.255/",
        "https://192.88.99.1/",
        "https://[ff02::1]/",
        "https://[ff0e::1]/",
        "https://[2001:db8::1]/",
        "https://[3fff::1]/",
        "https://[100::1]/",
        "https://[5f00::1]/",
        // names of a local network
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://api.localhost/",
        "https://printer.local/",
        "https://vault.internal/",
        "https://nas.home.arpa/",
        "https://rabbitmq/",
        "https://postgres:5432/",
    ] {
        let found = parse(bad).expect_err(bad);
        assert!(matches!(found, InvalidUrl::NotPublic(_) | InvalidUrl::LocalName(_)), "{bad}: {found:?}");
    }
}

#[test]
fn what_is_no_plain_https_address_is_refused_by_its_own_words() {
    let long = format!("https://partner.example/{}", "x".repeat(EndpointUrl::MAX));
    for (bad, expected) in [
        ("", InvalidUrl::NotAnAddress),
        ("partner.example", InvalidUrl::NotAnAddress),
        ("https://", InvalidUrl::NotAnAddress),
        ("https://a b.example/", InvalidUrl::NotAnAddress),
        ("https://partner.example/\r\nX-Injected: 1", InvalidUrl::NotAnAddress),
        ("\thttps://partner.example/", InvalidUrl::NotAnAddress),
        ("https://256.1.1.1/", InvalidUrl::NotAnAddress),
        ("https://[::1/", InvalidUrl::NotAnAddress),
        ("http://partner.example/", InvalidUrl::Scheme),
        ("ftp://partner.example/", InvalidUrl::Scheme),
        ("file:///etc/passwd", InvalidUrl::Scheme),
        ("gopher://partner.example/", InvalidUrl::Scheme),
        ("javascript:alert(1)", InvalidUrl::Scheme),
        ("https://user@partner.example/", InvalidUrl::Credentials),
        ("https://partner.example@127.0.0.1/", InvalidUrl::Credentials),
        ("https://:secret@partner.example/", InvalidUrl::Credentials),
        ("https://partner.example/#@evil.example/", InvalidUrl::Fragment),
        (&long, InvalidUrl::TooLong),
    ] {
        assert_eq!(parse(bad), Err(expected), "{bad}");
    }
}

#[test]
fn what_is_allowed_beyond_that_has_to_be_said() {
    let parse = |text, allow_http, allow_private| EndpointUrl::parse(text, AddressRules { allow_http, allow_private });
    assert!(parse("http://partner.example/", true, false).is_ok());
    assert!(parse("http://127.0.0.1:8080/", true, true).is_ok());
    assert!(parse("https://rabbitmq/", false, true).is_ok());
    assert_eq!(parse("http://127.0.0.1:8080/", false, true), Err(InvalidUrl::Scheme));
    assert!(matches!(parse("http://127.0.0.1:8080/", true, false), Err(InvalidUrl::NotPublic(_))));
}

#[test]
fn the_path_of_an_endpoint_is_not_for_logs() {
    let url = parse("https://hooks.partner.example:8443/services/T0/secret?token=x").expect("an address");
    assert_eq!(url.to_string(), "https://hooks.partner.example:8443");
    assert!(url.as_str().ends_with("token=x"));
}
