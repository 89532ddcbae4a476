-- What `vim.lsp.enable("idlc")` starts. The compiler's folder of the whole project is the workspace, so that uses in files
-- that are not open are found and renamed.
return {
  cmd = { "idlc", "lsp" },
  filetypes = { "idlc" },
  root_markers = { ".git" },
}
