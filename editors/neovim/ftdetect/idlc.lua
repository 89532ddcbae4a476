-- Neovim takes .idl for the interface languages of CORBA and Microsoft.
vim.filetype.add({ extension = { idl = "idlc" } })
