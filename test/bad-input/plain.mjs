import axios from 'axios'
import { request } from 'undici'
import { serve } from './app.mjs'

serve({ axios, request, fetch: (...args) => fetch(...args) })
