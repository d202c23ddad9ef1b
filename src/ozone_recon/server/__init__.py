"""The running server: processes, sockets, and what joins the parts."""
