//! The examples of RFC 7541, appendix C, and what must not be accepted.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.bytes().filter_map(|digit| char::from(digit).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<String, Undecodable> {
    let mut text = String::new();
    decoder.decode(block, |name, value| {
        text += &format!("{}: {}\n", name.escape_ascii(), value.escape_ascii());
    })?;
    Ok(text)
}

#[test]
fn requests_and_responses_of_the_specification() {
    let get = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n";
    let cached = format!("{get}cache-control: no-cache\n");
    let custom = ":method: GET\n:scheme: https\n:path: /index.html\n\
        :authority: www.example.com\ncustom-key: custom-value\n";
    // C.3 and C.4: the same, without and with Huffman coding, each on one connection.
    for blocks in [
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ] {
        let mut decoder = Decoder::new();
        for (block, text) in blocks.iter().zip([get, &cached, custom]) {
            assert_eq!(decode(&mut decoder, &bytes(block)), Ok(text.to_owned()));
        }
    }
    // C.6.1: long values.
    let block = "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff\
        6e919d29ad171863c78f0b97c8e9ae82ae43d3";
    assert_eq!(
        decode(&mut Decoder::new(), &bytes(block)).unwrap(),
        ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n\
         location: https://www.example.com\n"
    );
}

#[test]
fn what_is_written_is_read() {
    let mut block = Vec::new();
    shrink_table(&mut block);
    status(503, &mut block);
    let long = "x".repeat(70_000);
    let fields = [("Server", "a"), ("x-Own", ""), ("x-long", long.as_str()), ("set-cookie", "s")];
    for (name, value) in fields {
        field(name_index(name.as_bytes()), name.as_bytes(), value.as_bytes(), &mut block);
    }
    length(u64::MAX, &mut block);
    let text = decode(&mut Decoder::new(), &block).unwrap();
    assert_eq!(
        text,
        format!(
            ":status: 503\nserver: a\nx-own: \nx-long: {long}\nset-cookie: s\n\
             content-length: 18446744073709551615\n"
        )
    );
}

#[test]
fn all_codes_are_read_and_only_they() {
    // Every byte, coded by its own code, found by trying all lengths up to the longest.
    let mut text = Vec::new();
    huffman::decode(&bytes("fffffffa"), &mut text).unwrap_err();
    for (hex, what) in [
        ("1f", Some("a")),
        ("", Some("")),
        ("07", Some("0")),
        // Padding that is longer than seven bits, or holds a zero, or the end of string itself.
        ("1fff", None),
        ("1e", None),
        ("3fffffff", None),
        ("ffffffff", None),
        // The longest codes: LF is 30 bits long.
        ("fffffff3", Some("\n")),
        ("fffffff7", Some("\r")),
    ] {
        text.clear();
        let read = huffman::decode(&bytes(hex), &mut text).ok();
        assert_eq!(read.map(|()| String::from_utf8_lossy(&text).into_owned()).as_deref(), what);
    }
}

#[test]
fn the_table_is_bounded_and_forgets_the_oldest() {
    let mut decoder = Decoder::new();
    let remember = |name: u8, len: usize| {
        let mut block = vec![0x40, 1, name];
        block.extend([0x7f, ((len - 127) & 0x7f) as u8 | 0x80, ((len - 127) >> 7) as u8]);
        block.extend(vec![b'v'; len]);
        block
    };
    for name in b'a'..=b'z' {
        decode(&mut decoder, &remember(name, 900)).unwrap();
    }
    // Four entries of 933 bytes fit into 4096.
    assert!(decode(&mut decoder, &[0x80 | 62]).unwrap().starts_with("z: v"));
    assert!(decode(&mut decoder, &[0x80 | 65]).unwrap().starts_with("w: v"));
    assert_eq!(decode(&mut decoder, &[0x80 | 66]), Err(Undecodable));
    // The name of one that goes while it is used.
    let mut block = vec![0x40 | 0x3f, 65 - 63];
    block.extend([0x7f, ((2000 - 127) & 0x7f) as u8 | 0x80, ((2000 - 127) >> 7) as u8]);
    block.extend(vec![b'n'; 2000]);
    assert!(decode(&mut decoder, &block).unwrap().starts_with("w: nnn"));
    assert!(decode(&mut decoder, &[0x80 | 62]).unwrap().starts_with("w: nnn"));
    // One that is too large empties it.
    decode(&mut decoder, &remember(b'l', 4100)).unwrap();
    assert_eq!(decode(&mut decoder, &[0x80 | 62]), Err(Undecodable));
}

#[test]
fn what_cannot_be_decoded() {
    for (hex, why) in [
        ("80", "index 0"),
        ("be", "nothing is remembered"),
        ("ffffffffff7f", "an index without bounds"),
        ("82 20", "a size update behind a field"),
        ("3fe21f", "a table larger than allowed"),
        ("0085", "a name without its end"),
        ("00", "a name that is not there"),
        ("4003616263", "no value"),
        ("0081ff0178", "padding for a name"),
    ] {
        assert_eq!(decode(&mut Decoder::new(), &bytes(hex)), Err(Undecodable), "{why}");
    }
    assert_eq!(decode(&mut Decoder::new(), &bytes("3fe11f 82")), Ok(":method: GET\n".into()));
}
