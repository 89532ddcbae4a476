// Starts `idlc lsp` and connects it with the editor. All that is known of the language is on the other side.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = workspace.getConfiguration("idlc").get("path");
  client = new LanguageClient(
    "idlc",
    "Strongroom IDL",
    { command, args: ["lsp"] },
    { documentSelector: [{ scheme: "file", language: "idlc" }, { scheme: "untitled", language: "idlc" }] },
  );
  return client.start();
};

exports.deactivate = () => client?.stop();
